/** What each process was told since its last commit: whole answers that reached it, as they were on the wire. */
import { type Answer } from '../brokerage.ts';
import { type SimRequest } from '../network.ts';

export interface PositionsAnswer {
  /** When the broker made it. */
  readonly askedMs: number;
  /** The process's own wall clock when it asked. */
  readonly sentWallMs: number;
}

export interface ActivitiesWalk {
  readonly sentWallMs: number;
  readonly ids: string[];
}

interface Told {
  positions: PositionsAnswer | null;
  activities: ActivitiesWalk | null;
  /** Whose the answer for the account was, by its id at the broker. */
  accountId: string | null;
  /** Whether the wall clock was set since the first of it was asked for: its stamps are then of two clocks. */
  wasClockSet: () => boolean;
}

export class Received {
  readonly #told = new Map<string, Told>();
  readonly #sent = new WeakMap<SimRequest, { readonly wallMs: number; readonly offsetMs: number }>();

  sent(request: SimRequest): void {
    const { machine } = request.process;
    this.#sent.set(request, { wallMs: machine.wallMs(), offsetMs: machine.wallOffsetMs });
  }

  delivered(request: SimRequest, answer: Answer, askedMs: number): void {
    if (answer.status !== 200) return;
    const key = `${request.process.id} ${request.account}`;
    const { machine } = request.process;
    const { wallMs: sentWallMs, offsetMs } = this.#sent.get(request)!;
    const wasClockSet = (): boolean => machine.wallOffsetMs !== offsetMs;
    const told = this.#told.get(key) ?? { positions: null, activities: null, accountId: null, wasClockSet };
    this.#told.set(key, told);
    if (request.resource === 'account') told.accountId = accountIdOf(answer.body) ?? told.accountId;
    if (request.resource === 'positions') told.positions = { askedMs, sentWallMs };
    if (request.resource !== 'activities') return;
    const goesOn = request.url.searchParams.has('page_token') && told.activities !== null;
    const walk = goesOn ? told.activities! : { sentWallMs, ids: [] };
    walk.ids.push(...idsOf(answer.body));
    told.activities = walk;
  }

  /** What the process was told of the account since the last commit; forgotten afterwards. */
  take(process: string, account: string): Told | null {
    const key = `${process} ${account}`;
    const told = this.#told.get(key) ?? null;
    this.#told.delete(key);
    return told;
  }
}

function accountIdOf(body: Buffer): string | null {
  try {
    const account = JSON.parse(body.toString('utf8')) as { id?: unknown };
    return typeof account.id === 'string' ? account.id : null;
  } catch {
    return null;
  }
}

function idsOf(body: Buffer): string[] {
  try {
    const rows: unknown = JSON.parse(body.toString('utf8'));
    if (!Array.isArray(rows)) return [];
    return rows.flatMap((row: unknown) => {
      const id = typeof row === 'object' && row !== null && 'id' in row ? row.id : null;
      return typeof id === 'string' ? [id] : [];
    });
  } catch {
    return [];
  }
}
