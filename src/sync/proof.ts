/** Proofs between two looks: is a difference new, and may a list that does not add up be believed? Pure. */
import { createHash } from 'node:crypto';
import { Decimal } from '../domain/decimal.ts';
import { type QuarantinedRow, type SnapshotPosition } from '../domain/snapshot.ts';
import { type SyncState } from '../store/store.ts';
import { type Look } from './readBroker.ts';
import { partsOf } from './causes/claim.ts';
import { CASH_TOLERANCE, differenceKey, type Difference } from './reconcile.ts';
import { type WorkedOut } from './workOut.ts';

/** Runs in a row that must give the same list before one that does not add up is believed after all. */
export const SUSPICIONS_MAX = 3;

/** True when nothing differs that was not known to differ in the same way before. */
export function isSettled(state: SyncState, result: WorkedOut): boolean {
  return result.differences.every((difference) => isKnown(state, difference));
}

/** Whether findings answer for the whole of a difference, with the very figures it has. */
function isKnown(state: SyncState, difference: Difference): boolean {
  const key = differenceKey(difference);
  const parts = state.findings.flatMap(partsOf).filter((part) => part.key === key);
  if (parts.length === 0) return false;
  const known = Decimal.sum(parts.map((part) => part.amount));
  const rest = difference.broker.minus(difference.book).minus(known).abs();
  return difference.kind === 'cash' ? rest.compare(CASH_TOLERANCE) <= 0 : rest.isZero();
}

/**
 * A list of positions that newly differs from the book and does not add up to the account's own totals is not
 * believed - until three runs in a row gave exactly the same list: then it is the totals that are odd, and an error
 * state must always have a way out.
 */
export function isSuspicious(state: SyncState, look: Look, result: WorkedOut): boolean {
  if (result.totals !== 'disagree') return false;
  const positionsDiffer = result.differences.some(
    (difference) => difference.kind === 'position' && !isKnown(state, difference),
  );
  // Before the account is pinned its very identity rests on this agreement.
  const unpinned = state.account.pinnedFingerprint === null;
  if (!positionsDiffer && !unpinned) return false;
  return suspicionCount(suspicionOf(state, look, result)) < SUSPICIONS_MAX;
}

/** What to remember of a suspicious list: its fingerprint and how often in a row it came. */
export function suspicionOf(state: SyncState, look: Look, result: WorkedOut): string {
  const text = look.positions.rows
    .map((position) => `${position.instrument.id}=${position.quantity.toString()}`)
    .sort()
    .concat(result.differences.map(differenceKey).sort())
    .join('\n');
  const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 32);
  const before = state.cursors.find((cursor) => cursor.name === 'totals')?.position ?? '';
  const count = before.startsWith(`${fingerprint}:`) ? suspicionCount(before) + 1 : 1;
  return `${fingerprint}:${count}`;
}

function suspicionCount(memory: string): number {
  return Number.parseInt(memory.slice(memory.indexOf(':') + 1), 10);
}

/**
 * Whether a list of positions has a hole: a row that could not be read at all. A row of which only a figure was
 * refused is still there, and then the absence of others means what it says.
 */
export function hasHoles(rows: readonly SnapshotPosition[], quarantined: readonly QuarantinedRow[]): boolean {
  if (quarantined.length === 0) return false;
  const listed = new Set(rows.map(({ instrument }) => instrument.symbol.replace('/', '')));
  return quarantined.some(({ row }) => {
    const symbol = symbolOf(row);
    return symbol === null || !listed.has(symbol);
  });
}

function symbolOf(row: string): string | null {
  try {
    const value: unknown = JSON.parse(row);
    const symbol = typeof value === 'object' && value !== null && 'symbol' in value ? value.symbol : null;
    return typeof symbol === 'string' ? symbol.replace('/', '') : null;
  } catch {
    return null;
  }
}
