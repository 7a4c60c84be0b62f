/**
 * What can go wrong at a broker, on request. A fault is active from its call until its `times` are used up, its `forMs`
 * have passed on the sandbox's clock, or `DELETE /control/fault`. This file knows which faults exist and when one
 * applies; what it does to an answer is the face's business.
 */
import { addMs, compareInstants, type Instant } from '../domain/time.ts';
import { type View } from './view.ts';

export const FAULT_RESOURCES = [
  'auth',
  'account',
  'positions',
  'orders',
  'activities',
  'marketdata',
  'options',
  'crypto',
  'flex',
  'stream',
] as const;
export type FaultResource = (typeof FAULT_RESOURCES)[number];

export const FAULT_KINDS = [
  'refuse',
  'timeout',
  'status',
  'html',
  'truncate',
  'cut-line',
  'empty',
  'partial',
  'stale',
  'wrong-account',
  'duplicate',
  'late',
  'reorder',
  'session-expired',
  'device-approval',
  'stream-drop',
  'half-open',
  'slow',
  'repeat-cursor',
  'insert-while-paging',
  'clock-skew',
  'lose-frames',
  'short-history',
  'rounded',
  'schema-drift',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Kinds that only a stream can have. */
export const STREAM_ONLY: ReadonlySet<FaultKind> = new Set(['stream-drop', 'half-open', 'lose-frames']);
/** Kinds that mean something on a stream; named with `resource: stream`. */
export const STREAM_KINDS: ReadonlySet<FaultKind> = new Set([
  ...STREAM_ONLY,
  'refuse',
  'timeout',
  'status',
  'html',
  'session-expired',
  'duplicate',
  'slow',
]);

export interface FaultCall {
  readonly broker: string;
  readonly account: string | null;
  readonly resource: FaultResource | null;
  readonly kind: FaultKind;
  readonly times: number | null;
  readonly forMs: number | null;
  readonly status: number | null;
  readonly at: number | null;
  /** The value of a `Retry-After` header that goes with a status: seconds, a date, or nonsense. */
  readonly retryAfter: string | null;
  /** The page of a listing that it meets, the first is 1; null: every request. */
  readonly page: number | null;
}

export interface Fault extends FaultCall {
  readonly id: number;
  readonly since: Instant;
  readonly until: Instant | null;
  /** Requests it has affected so far. */
  applied: number;
  /** What each account looked like when it began, for answers that lag behind. */
  readonly before: ReadonlyMap<string, View>;
}

export class Faults {
  readonly #now: () => Instant;
  #faults: Fault[] = [];
  #made = 0;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  post(call: FaultCall, before: ReadonlyMap<string, View>): Fault {
    this.#made += 1;
    const since = this.#now();
    const fault: Fault = {
      ...call,
      id: this.#made,
      since,
      until: call.forMs === null ? null : addMs(since, call.forMs),
      applied: 0,
      before,
    };
    this.#faults.push(fault);
    return fault;
  }

  /** Ends every fault. */
  clear(): void {
    this.#faults = [];
  }

  active(): Fault[] {
    const now = this.#now();
    this.#faults = this.#faults.filter(
      (fault) =>
        (fault.times === null || fault.applied < fault.times) &&
        (fault.until === null || compareInstants(now, fault.until) < 0),
    );
    return [...this.#faults];
  }

  /**
   * The active faults that a request meets, oldest first. `auth` and no resource at all mean every resource; faults that
   * only a stream can have are met by the stream alone.
   */
  meeting(broker: string, account: string | null, resource: FaultResource | null): Fault[] {
    return this.active().filter(
      (fault) =>
        fault.broker === broker &&
        (fault.account === null || fault.account === account) &&
        (fault.resource === null || fault.resource === 'auth' || fault.resource === resource) &&
        (resource === 'stream' ? STREAM_KINDS.has(fault.kind) : !STREAM_ONLY.has(fault.kind)),
    );
  }
}

/** A fault as control calls show it: without what the accounts looked like. */
export function faultRecord({ before: _before, ...shown }: Fault): Record<string, unknown> {
  return shown;
}
