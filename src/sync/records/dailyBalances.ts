/** Daily balance records: how an account stood at the end of each day that somebody knows. */
import { type Account } from '../../domain/account.ts';
import { now as instantNow } from '../../domain/time.ts';
import { type BalanceDayRow, type StoredBalanceDay } from '../../store/store.ts';
import { type ProofColumns } from '../dayRows.ts';
import { proofsSoFar } from '../epochProofs.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { accountNames, text } from './fields.ts';

export interface DailyBalanceRecord {
  readonly account: string;
  /** The New York day. */
  readonly date: string;
  readonly currency: string;
  readonly equity: string | null;
  /** Null for days known from the broker's statement alone. */
  readonly cash: string | null;
  /** As the broker states it for the day, deposits included where its documents say so; null for recorded days. */
  readonly profitLoss: string | null;
  /** `recorded`: the last look of a run of that day. `broker`: what the broker says of the day afterwards. */
  readonly source: string;
  /** The proof: `start + flows + transfers + realized + unrealizedChange + income + fees + fx + corrections = equity`, less `residual`. */
  readonly start: string | null;
  readonly flows: string | null;
  readonly transfers: string | null;
  readonly realized: string | null;
  readonly unrealizedChange: string | null;
  readonly income: string | null;
  readonly fees: string | null;
  readonly fx: string | null;
  /** What the stated equities hold of activities that were corrected or busted later. */
  readonly corrections: string | null;
  readonly residual: string | null;
  /** `proved`, `pending`, `unexplained`, `unknown`; null where nobody worked the day out. */
  readonly residualState: string | null;
}

/** Newest day first, of each account's current epoch. Days nobody knows are absent. */
export async function dailyBalanceRecords(
  context: RecordContext,
  scope: AccountScope = {},
): Promise<readonly DailyBalanceRecord[]> {
  const names = await accountNames(context.store);
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const rows = await context.store.balanceDays(filter);
  const proofs = await missingProofs(context, rows);
  return rows.map((row) =>
    dailyBalanceRecord(names.get(row.accountId) ?? String(row.accountId), row, proofOf(row, proofs)),
  );
}

export function dailyBalanceRecord(
  account: string,
  row: Omit<BalanceDayRow, 'proof'>,
  proof: ProofColumns | null,
): DailyBalanceRecord {
  return {
    account,
    date: row.tradeDate,
    currency: row.currency,
    equity: text(row.endEquity),
    cash: text(row.endCash),
    profitLoss: text(row.profitLoss),
    source: row.source,
    start: text(proof?.start ?? null),
    flows: text(proof?.flows ?? null),
    transfers: text(proof?.transfers ?? null),
    realized: text(proof?.realized ?? null),
    unrealizedChange: text(proof?.unrealizedChange ?? null),
    income: text(proof?.income ?? null),
    fees: text(proof?.fees ?? null),
    fx: text(proof?.fx ?? null),
    corrections: text(proof?.corrections ?? null),
    residual: text(proof?.residual ?? null),
    residualState: proof?.residualState ?? null,
  };
}

type Proofs = ReadonlyMap<number, ReadonlyMap<string, ProofColumns>>;

function proofOf(row: StoredBalanceDay, proofs: Proofs): ProofColumns | null {
  return row.proof ?? proofs.get(row.accountId)?.get(`${row.tradeDate} ${row.currency}`) ?? null;
}

/** A day's proof is written by the first run of a later one; until then it is worked out for who asks. */
async function missingProofs(context: RecordContext, rows: readonly StoredBalanceDay[]): Promise<Proofs> {
  const now = instantNow(context.clock);
  const proofs = new Map<number, ReadonlyMap<string, ProofColumns>>();
  for (const account of await context.store.accounts()) {
    const own = rows.filter((row) => row.accountId === account.id);
    if (!own.some((row) => row.source === 'recorded' && row.proof === null)) continue;
    const days = own.toReversed().map(({ proof: _, ...day }) => day);
    const late = context.latePublishing(account);
    proofs.set(account.id, await proofsSoFar(context.store, account, days, late, now));
  }
  return proofs;
}

export type ProvedDayRow = Omit<StoredBalanceDay, 'proof'> & { readonly proof: ProofColumns | null };

/** The days of an epoch with their proofs, oldest first; of the current epoch those nobody has written yet, too. */
export async function provedDays(
  context: RecordContext,
  account: Account,
  epoch: number,
): Promise<readonly ProvedDayRow[]> {
  const rows = await context.store.balanceDays({ accountId: account.id, epoch });
  const proofs = epoch === account.epoch ? await missingProofs(context, rows) : new Map<number, never>();
  return rows.toReversed().map((row) => ({ ...row, proof: proofOf(row, proofs) }));
}
