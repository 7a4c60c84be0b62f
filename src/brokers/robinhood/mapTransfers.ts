/**
 * Money that comes and goes: ACH transfers and the newer unified list of all transfers. Both list a bank transfer, each
 * under an id of its own. Pure.
 */
import { type Activity } from '../../domain/activity.ts';
import { compareInstants, newYorkDate, type TradeDate } from '../../domain/time.ts';
import { firstProblem } from '../wireWords.ts';
import {
  activityOf,
  atOrOn,
  notUnderstood,
  NOTHING,
  onDay,
  quoted,
  standing,
  type Understood,
} from './mapped.ts';
import {
  type WireAchTransfer,
  wireAchTransfer,
  type WireUnifiedTransfer,
  wireUnifiedTransfer,
} from './wireCash.ts';

const DONE: ReadonlySet<string> = new Set(['completed']);

/**
 * A bank transfer of the ACH list. It counts when it is completed, from the day it was expected to land (its time of change
 * moves whenever Robinhood touches the row), or earlier where it was completed before.
 */
export function mapAchTransfer(raw: unknown, path: string): Understood {
  const parsed = wireAchTransfer.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const status = standing(wire.state, DONE);
  if (status === null) return notUnderstood(`${path}.state`, `unknown state ${quoted(wire.state)}`);
  if (status === 'open') return NOTHING;
  const kind = ACH_KINDS[wire.direction];
  if (kind === undefined)
    return notUnderstood(`${path}.direction`, `unknown direction ${quoted(wire.direction)}`);
  const row = activityOf({
    ...onDay(landedOn(wire), 'start'),
    rootId: `ach:${wire.id}`,
    kind,
    status,
    amount: kind === 'deposit' ? wire.amount.abs() : wire.amount.abs().negate(),
    publishedAt: wire.created_at,
    externalId: wire.id,
    brokerType: `ach/${wire.direction}`,
  });
  const isFree = wire.fees === null || wire.fees.isZero();
  return { rows: [row], problems: isFree ? [] : [unknownFee(`${path}.fees`)] };
}

const ACH_KINDS: Readonly<Record<string, 'deposit' | 'withdrawal' | undefined>> = {
  deposit: 'deposit',
  withdraw: 'withdrawal',
  withdrawal: 'withdrawal',
};

function landedOn(wire: WireAchTransfer): TradeDate {
  const changed = newYorkDate(wire.updated_at ?? wire.created_at);
  const expected = wire.expected_landing_date;
  return expected !== null && expected < changed ? expected : changed;
}

/** Nobody says whether a fee is taken out of the amount or beside it. */
function unknownFee(path: string): { path: string; reason: string } {
  return { path, reason: 'nobody says whether this fee is in the amount or beside it' };
}

/** A transfer of the unified list: to this account or from it, by the ids of both ends. */
export function mapUnifiedTransfer(raw: unknown, path: string, accountNumber: string): Understood {
  const parsed = wireUnifiedTransfer.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const comes = wire.receiving_account_id === accountNumber;
  const goes = wire.originating_account_id === accountNumber;
  // A transfer between two other accounts of the same person is no row of this one.
  if (comes === goes) return NOTHING;
  const status = standing(wire.state, DONE);
  if (status === null) return notUnderstood(`${path}.state`, `unknown state ${quoted(wire.state)}`);
  if (status === 'open') return NOTHING;
  const other = (comes ? wire.originating_account_type : wire.receiving_account_type) ?? '';
  const isOwn = other.startsWith('rhs') || other.startsWith('rhy');
  const at = wire.completed_at ?? wire.created_at;
  const row = activityOf({
    ...atOrOn(at, newYorkDate(at)),
    rootId: `transfer:${wire.id}`,
    kind: isOwn ? 'cash_transfer' : comes ? 'deposit' : 'withdrawal',
    status,
    amount: comes ? wire.amount.abs() : wire.amount.abs().negate(),
    currency: (wire.currency ?? 'usd').toUpperCase(),
    publishedAt: wire.created_at,
    externalId: wire.id,
    brokerType: `transfer/${wire.transfer_type}`,
    description: wire.description,
    details: isAch(wire) ? { bank: 'ach' } : {},
  });
  const fee = wire.service_fee?.total_fee ?? null;
  const isFree = fee === null || fee.isZero();
  return { rows: [row], problems: isFree ? [] : [unknownFee(`${path}.service_fee`)] };
}

function isAch(wire: WireUnifiedTransfer): boolean {
  return wire.originating_account_type === 'ach' || wire.receiving_account_type === 'ach';
}

/**
 * Both lists as one. No id links them, so a bank transfer of the unified list is the one of the ACH list that has the same
 * amount and was created on the same New York day, one for one; the ACH list's row stays, because its id is the older.
 * What only the unified list knows (IRA contributions, wires, instant transfers) is added.
 */
export function joinTransfers(ach: readonly Activity[], unified: readonly Activity[]): readonly Activity[] {
  const waiting = new Map<string, number>();
  for (const row of ach) waiting.set(twinKey(row), (waiting.get(twinKey(row)) ?? 0) + 1);
  const ordered = unified.toSorted((left, right) => compareInstants(left.publishedAt!, right.publishedAt!));
  const added = ordered.filter((row) => {
    const twins = waiting.get(twinKey(row)) ?? 0;
    if (row.details['bank'] !== 'ach' || twins === 0) return true;
    waiting.set(twinKey(row), twins - 1);
    return false;
  });
  return [...ach, ...added];
}

function twinKey({ amount, publishedAt, status }: Activity): string {
  return `${amount!.toString()} ${newYorkDate(publishedAt!)} ${status}`;
}
