/** How accounts stood at the end of days: recorded by the runs of that day, or stated by the broker afterwards. */
import { type AccountId } from '../domain/account.ts';
import { instantKey, type Instant, type TradeDate } from '../domain/time.ts';
import { sql } from 'kysely';
import { evidenceHash } from './chain.ts';
import { type Queries } from './database.ts';
import { type Sight } from './observations.ts';
import { decimalText, insertRows, readDecimalOrNull } from './rows.ts';
import { type Schema } from './schema.ts';
import {
  type AccountFilter,
  type BalanceDayRow,
  type BalanceDaySource,
  type DayProof,
  type ResidualState,
  type StoredBalanceDay,
} from './store.ts';

/** A day that a run of ours recorded is never replaced by what the broker says of it later. */
export async function saveBalanceDays(
  queries: Queries,
  sight: Sight,
  days: readonly BalanceDayRow[],
): Promise<void> {
  const recorded = await recordedDays(queries, sight, days);
  const kept = days.filter(
    (day) => day.source === 'recorded' || !recorded.has(`${day.tradeDate} ${day.currency}`),
  );
  await writeBalanceDays(queries, sight, kept);
  await keepStatedDays(queries, sight, days);
}

/** What a broker states of past days is evidence: a rebuild has it from there. Written where it is news. */
async function keepStatedDays(
  queries: Queries,
  { accountId, epoch, runId }: Sight,
  days: readonly BalanceDayRow[],
): Promise<void> {
  const stated = days.filter((day) => day.source === 'broker');
  if (stated.length === 0) return;
  const first = stated.map((day) => day.tradeDate).reduce((least, day) => (day < least ? day : least));
  const known = new Map(
    (await statedDays(queries, accountId, epoch, { from: first })).map((row) => [dayKey(row), row]),
  );
  const contents = stated.map((day) => ({
    account_id: accountId,
    epoch,
    trade_date: day.tradeDate as string,
    currency: day.currency,
    equity: decimalText(day.endEquity),
    profit_loss: decimalText(day.profitLoss),
  }));
  const news = contents.filter((content) => {
    const before = known.get(dayKey(content));
    return before?.equity !== content.equity || before.profit_loss !== content.profit_loss;
  });
  await insertRows(
    queries,
    'day_observation',
    news.map((content) => ({
      ...content,
      run_id: runId,
      row_hash: evidenceHash('day_observation', content),
    })),
  );
}

function dayKey(row: { readonly trade_date: string; readonly currency: string }): string {
  return `${row.trade_date} ${row.currency}`;
}

/** What brokers stated last of each day, by day and currency; `upTo`: among what runs up to this one saw. */
async function statedDays(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  { from = '', upTo }: { from?: string; upTo?: number } = {},
) {
  const wasSeen = (alias: 'd' | 'later') => {
    const run = sql.ref(`${alias}.run_id`);
    return upTo === undefined ? sql<boolean>`1 = 1` : sql<boolean>`(${run} IS NULL OR ${run} <= ${upTo})`;
  };
  return await queries
    .selectFrom('day_observation as d')
    .selectAll('d')
    .where('d.account_id', '=', accountId)
    .where('d.epoch', '=', epoch)
    .where('d.trade_date', '>=', from)
    .where((where) =>
      where(
        'd.id',
        '=',
        where
          .selectFrom('day_observation as later')
          .select((column) => column.fn.max('later.id').as('id'))
          .whereRef('later.account_id', '=', 'd.account_id')
          .whereRef('later.epoch', '=', 'd.epoch')
          .whereRef('later.trade_date', '=', 'd.trade_date')
          .whereRef('later.currency', '=', 'd.currency')
          .where(wasSeen('later')),
      ),
    )
    .orderBy('d.trade_date')
    .orderBy('d.currency')
    .execute();
}

/** Ends of days from the evidence: the last look of the day's runs before what the broker says of it afterwards. */
export async function dayEnds(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  knownAt?: Instant,
): Promise<readonly BalanceDayRow[]> {
  const upTo = knownAt === undefined ? undefined : await newestRunBy(queries, accountId, knownAt);
  const seen = upTo === undefined ? {} : { upTo };
  const days = new Map<string, BalanceDayRow>();
  for (const row of await statedDays(queries, accountId, epoch, seen)) days.set(dayKey(row), statedEnd(row));
  let looks = queries
    .selectFrom('balance_observation')
    .select(['trade_date', 'currency', 'equity', 'cash', 'buying_power'])
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .orderBy('run_id');
  if (upTo !== undefined) looks = looks.where('run_id', '<=', upTo);
  for (const row of await looks.execute()) days.set(dayKey(row), seenEnd(row));
  return [...days].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, day]) => day);
}

/** Zero before the first. */
async function newestRunBy(queries: Queries, accountId: AccountId, knownAt: Instant): Promise<number> {
  const row = await queries
    .selectFrom('sync_run')
    .select((column) => column.fn.max('id').as('id'))
    .where('account_id', '=', accountId)
    .where('started_at', '<=', instantKey(knownAt))
    .executeTakeFirst();
  return row?.id ?? 0;
}

function statedEnd(
  row: Pick<Schema['day_observation'], 'trade_date' | 'currency' | 'equity' | 'profit_loss'>,
): BalanceDayRow {
  return {
    tradeDate: row.trade_date as TradeDate,
    currency: row.currency,
    endEquity: readDecimalOrNull(row.equity),
    endCash: null,
    buyingPower: null,
    profitLoss: readDecimalOrNull(row.profit_loss),
    source: 'broker',
  };
}

function seenEnd(
  row: Pick<Schema['balance_observation'], 'trade_date' | 'currency' | 'equity' | 'cash' | 'buying_power'>,
): BalanceDayRow {
  return {
    tradeDate: row.trade_date as TradeDate,
    currency: row.currency,
    endEquity: readDecimalOrNull(row.equity),
    endCash: readDecimalOrNull(row.cash),
    buyingPower: readDecimalOrNull(row.buying_power),
    profitLoss: null,
    source: 'recorded',
  };
}

/** Whoever says nothing of the proof leaves it as it is. */
export async function writeBalanceDays(
  queries: Queries,
  { accountId, epoch }: Pick<Sight, 'accountId' | 'epoch'>,
  days: readonly BalanceDayRow[],
): Promise<void> {
  const owner = { account_id: accountId, epoch };
  const onConflict = { keys: ['account_id', 'epoch', 'trade_date', 'currency'], then: 'update' } as const;
  const plain = days.filter((day) => day.proof === undefined);
  const proved = days.flatMap((day) => (day.proof === undefined ? [] : [{ day, proof: day.proof }]));
  await insertRows(
    queries,
    'balance_day',
    plain.map((day) => ({ ...owner, ...endOfDay(day) })),
    onConflict,
  );
  await insertRows(
    queries,
    'balance_day',
    proved.map(({ day, proof }) => ({ ...owner, ...endOfDay(day), ...proofColumns(proof) })),
    onConflict,
  );
}

export function endOfDay(day: BalanceDayRow) {
  return {
    trade_date: day.tradeDate as string,
    currency: day.currency,
    end_equity: decimalText(day.endEquity),
    end_cash: decimalText(day.endCash),
    buying_power: decimalText(day.buyingPower),
    source: day.source as string,
    profit_loss: decimalText(day.profitLoss),
  };
}

/** All null where there is no proof. */
export function proofColumns(proof: DayProof | null) {
  return {
    start_equity: decimalText(proof?.start ?? null),
    flows: decimalText(proof?.flows ?? null),
    transfers: decimalText(proof?.transfers ?? null),
    realized: decimalText(proof?.realized ?? null),
    unrealized_change: decimalText(proof?.unrealizedChange ?? null),
    corrections: decimalText(proof?.corrections ?? null),
    income: decimalText(proof?.income ?? null),
    fees: decimalText(proof?.fees ?? null),
    fx: decimalText(proof?.fx ?? null),
    residual: decimalText(proof?.residual ?? null),
    residual_state: proof?.residualState ?? null,
  };
}

function readProof(row: Schema['balance_day']): DayProof | null {
  if (row.residual_state === null) return null;
  return {
    start: readDecimalOrNull(row.start_equity),
    flows: readDecimalOrNull(row.flows),
    transfers: readDecimalOrNull(row.transfers),
    realized: readDecimalOrNull(row.realized),
    unrealizedChange: readDecimalOrNull(row.unrealized_change),
    corrections: readDecimalOrNull(row.corrections),
    income: readDecimalOrNull(row.income),
    fees: readDecimalOrNull(row.fees),
    fx: readDecimalOrNull(row.fx),
    residual: readDecimalOrNull(row.residual),
    residualState: row.residual_state as ResidualState,
  };
}

/** `2025-08-21 USD` of every recorded day among those the broker states; asks nothing where it states none. */
async function recordedDays(
  queries: Queries,
  sight: Sight,
  days: readonly BalanceDayRow[],
): Promise<ReadonlySet<string>> {
  const stated = days.filter((day) => day.source === 'broker').map((day) => day.tradeDate as string);
  if (stated.length === 0) return new Set();
  const rows = await queries
    .selectFrom('balance_day')
    .select(['trade_date', 'currency'])
    .where('account_id', '=', sight.accountId)
    .where('epoch', '=', sight.epoch)
    .where('source', '=', 'recorded')
    .where(
      'trade_date',
      '>=',
      stated.reduce((first, day) => (day < first ? day : first)),
    )
    .execute();
  const known = rows.map((row) => `${row.trade_date} ${row.currency}`);
  // Rows of this very commit count as well.
  const own = days
    .filter((day) => day.source === 'recorded')
    .map((day) => `${day.tradeDate} ${day.currency}`);
  return new Set([...known, ...own]);
}

/** Of each account's current epoch unless another one is named, newest day first. */
export async function listBalanceDays(
  queries: Queries,
  filter: AccountFilter & { epoch?: number; from?: TradeDate; to?: TradeDate },
): Promise<readonly StoredBalanceDay[]> {
  let query = queries
    .selectFrom('balance_day as d')
    .innerJoin('account as a', 'a.id', 'd.account_id')
    .selectAll('d')
    .orderBy('d.trade_date', 'desc')
    .orderBy('d.account_id')
    .orderBy('d.currency');
  if (filter.accountId !== undefined) query = query.where('d.account_id', '=', filter.accountId);
  query =
    filter.epoch === undefined
      ? query.whereRef('d.epoch', '=', 'a.epoch')
      : query.where('d.epoch', '=', filter.epoch);
  if (filter.from !== undefined) query = query.where('d.trade_date', '>=', filter.from as string);
  if (filter.to !== undefined) query = query.where('d.trade_date', '<=', filter.to as string);
  return (await query.execute()).map((row) => ({
    accountId: row.account_id,
    epoch: row.epoch,
    tradeDate: row.trade_date as TradeDate,
    currency: row.currency,
    endEquity: readDecimalOrNull(row.end_equity),
    endCash: readDecimalOrNull(row.end_cash),
    buyingPower: readDecimalOrNull(row.buying_power),
    profitLoss: readDecimalOrNull(row.profit_loss),
    source: row.source as BalanceDaySource,
    proof: readProof(row),
  }));
}
