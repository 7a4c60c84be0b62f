/** What the walks look at: the rows of the book in words a trader reads, now or at a moment of the past. */
import { tableLines } from '../../src/cli/print.ts';
import { LOTS } from '../../src/cli/lots.ts';
import { type Instant } from '../../src/domain/time.ts';
import { dailyBalanceRecords, lotRecordsOf, pnlRecordsOf } from '../../src/sync/records.ts';
import { openDifference, personsAdjustment, type PersonsAnswer } from '../../src/sync/personsAdjustment.ts';
import { now as instantNow } from '../../src/domain/time.ts';
import { type World } from './world.ts';

export const PAPER = 'alpaca-paper';

export interface When {
  readonly asOf?: string;
  readonly knownAt?: string;
}

/** `AAPL 6 @ 200 = 1200 fill`, sorted. */
export async function lotsOf(at: World, when: When = {}, account = PAPER): Promise<string[]> {
  const rows = await lotRecordsOf(at.truebook.records, {
    account: await at.truebook.account(account),
    ...moments(when),
  });
  return rows
    .map((row) => `${row.symbol} ${row.quantity} = ${row.cost ?? 'unknown'} ${row.costSource}`)
    .sort();
}

/** `AAPL 40 exact (rolled 40)`: realized by symbol; `?` what is unknown. */
export async function realizedOf(at: World, when: When = {}, account = PAPER): Promise<string[]> {
  const rows = await pnlRecordsOf(at.truebook.records, 'symbol', {
    account: await at.truebook.account(account),
    ...moments(when),
  });
  return rows
    .filter((row) => row.closes > 0)
    .map((row) => {
      const unknown = row.unknownQuantity === '0' ? '' : ` without ${row.unknownQuantity}`;
      return `${row.group} ${row.realizedPnl ?? '?'} ${row.realizedBasis}${unknown} (rolled ${row.realizedRolled ?? '?'})`;
    });
}

/** `AAPL 6 open`, `TSLA 5 missing`, realized behind it. */
export async function positionsOf(at: World, all = false): Promise<string[]> {
  return (await at.positions(PAPER, all))
    .map(
      (row) =>
        `${row.symbol} ${row.quantity} ${row.state}${row.explained ? '' : ' unexplained'}, realized ${row.realizedPnl ?? '?'} ${row.realizedBasis}`,
    )
    .sort();
}

/** `difference missing_fill resolved AAPL`. */
export async function findingsOf(at: World): Promise<string[]> {
  return (await at.truebook.store.findings({})).map((row) =>
    `${row.type} ${row.cause} ${row.state} ${row.symbol ?? ''}`.trim(),
  );
}

/** `2025-08-21 proved 0`. */
export async function daysOf(at: World): Promise<string[]> {
  const account = await at.truebook.account(PAPER);
  return (await dailyBalanceRecords(at.truebook.records, { account }))
    .filter((day) => day.residualState !== null)
    .map((day) => `${day.date} ${day.residualState} ${day.residual ?? '?'}`)
    .reverse();
}

/** The table of `truebook lots`, as a person sees it, without account and lot names. */
export async function lotsScreen(at: World): Promise<string[]> {
  const rows = await lotRecordsOf(at.truebook.records, { account: await at.truebook.account(PAPER) });
  const columns = LOTS.columns.filter(({ title }) => title !== 'ACCOUNT' && title !== 'LOT');
  return tableLines(rows, columns);
}

/** A person's word on the open finding of a symbol, as `truebook resolve` gives it. */
export async function resolveFinding(
  at: World,
  symbol: string,
  answer: Partial<PersonsAnswer>,
): Promise<void> {
  const { store } = at.truebook;
  const finding = (await store.findings({ states: ['open', 'reopened'] })).find(
    (row) => row.symbol === symbol,
  );
  if (finding?.instrument == null) throw new Error(`no open finding of ${symbol}`);
  const now = instantNow(at.truebook.clock);
  const given = {
    as: 'external-change',
    price: null,
    basis: null,
    date: null,
    reason: 'told',
    ...answer,
  } as const;
  await store.decideFinding({
    accountId: finding.accountId,
    findingId: finding.id,
    state: 'resolved',
    cause: 'manual_trade',
    reason: 'told',
    actor: 'user',
    at: now,
    adjustment: personsAdjustment(await openDifference(store, finding, now), given, now),
  });
}

function moments({ asOf, knownAt }: When): { asOf?: Instant; knownAt?: Instant } {
  return {
    ...(asOf === undefined ? {} : { asOf: asOf as Instant }),
    ...(knownAt === undefined ? {} : { knownAt: knownAt as Instant }),
  };
}
