/**
 * The rows behind lots and profit: from the database as it stands, or folded anew from the ledger for a moment of the
 * past. Either way the same records are made of them.
 */
import { type Account } from '../../domain/account.ts';
import { type ActivityRevision } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { LIFECYCLE_EVENTS, type BookEvent } from '../../domain/event.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type Lot, type LotClosure } from '../../domain/lot.ts';
import { newYorkDate, now as instantNow, type TradeDate } from '../../domain/time.ts';
import { type PositionRow, type Store } from '../../store/store.ts';
import { bookThen, epochOf, isTimeTravel, type BookThen, type When } from '../asOf.ts';
import { episodeResults, type EpisodeResult } from '../episodeResults.ts';
import { isEstimate } from '../positionRows.ts';
import { storiesOf } from '../rebuild/positionViews.ts';
import { washFigures, washScopeOf, type WashFigures, type WashInput } from '../washOfAccount.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { closedLotRecords, type ClosedLotRecord } from './closedLots.ts';
import { lotRecords, type LotRecord } from './lots.ts';
import {
  pnlRecords,
  pnlStatsRecords,
  type Estimate,
  type PnlRecord,
  type PnlScope,
  type PnlStatsRecord,
} from './pnl.ts';
import { type PnlGrouping } from './pnlGroups.ts';
import { positionRowsThen } from './positionsThen.ts';

export interface BookScope extends AccountScope, When {
  /** Whose purchases wash sales look at; default: as elected. */
  readonly wash?: 'account' | 'taxpayer';
  /** Also what happened before the account was reset at its broker. */
  readonly allEpochs?: boolean;
}

type Of<Row> = Row & { readonly accountId: number };

export interface BookFacts {
  readonly lots: readonly Of<Lot>[];
  readonly closures: readonly Of<LotClosure>[];
  readonly wash: WashFigures;
  readonly estimates: readonly Estimate[];
  readonly activities: readonly Of<ActivityRevision>[];
  readonly accountNames: ReadonlyMap<number, string>;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** By `<account id>:<instrument>`. */
  readonly marks: ReadonlyMap<string, Decimal>;
  readonly today: TradeDate;
}

export async function lotRecordsOf(
  context: RecordContext,
  scope: BookScope & { readonly symbol?: string } = {},
): Promise<readonly LotRecord[]> {
  const rows = lotRecords(await bookFacts(context, scope));
  return scope.symbol === undefined
    ? rows
    : rows.filter((row) => row.symbol === scope.symbol || row.instrument === scope.symbol);
}

export async function pnlRecordsOf(
  context: RecordContext,
  by: PnlGrouping,
  scope: BookScope & PnlScope = {},
): Promise<readonly PnlRecord[]> {
  return pnlRecords(await bookFacts(context, scope), by, scope);
}

export async function pnlStatsRecordsOf(
  context: RecordContext,
  scope: BookScope & PnlScope = {},
): Promise<readonly PnlStatsRecord[]> {
  return pnlStatsRecords(await bookFacts(context, scope), scope);
}

export async function closedLotRecordsOf(
  context: RecordContext,
  scope: BookScope & PnlScope = {},
): Promise<readonly ClosedLotRecord[]> {
  return closedLotRecords(await bookFacts(context, scope, 'all'), scope);
}

/** `lots`: those that hold something, or emptied ones too. */
export async function bookFacts(
  context: RecordContext,
  scope: BookScope,
  lots: 'open' | 'all' = 'open',
): Promise<BookFacts> {
  const { store, clock } = context;
  const everybody = await store.accounts();
  const accounts = scope.account === undefined ? everybody : [scope.account];
  const accountNames = new Map(everybody.map((account) => [account.id, account.name]));
  const books = pastBooks(store, scope);
  const facts = isTimeTravel(scope)
    ? await pastRows(store, books, accounts, scope, lots)
    : await presentRows(store, accounts, scope, lots);
  const ids = new Set<InstrumentId>();
  for (const row of [...facts.lots, ...facts.closures, ...facts.estimates]) ids.add(row.instrument);
  return {
    ...facts,
    wash: await chosenWash(store, books, everybody, accounts, scope, facts),
    accountNames,
    instruments: await store.instruments([...ids]),
    today: newYorkDate(scope.asOf ?? scope.knownAt ?? instantNow(clock)),
  };
}

type Rows = Omit<BookFacts, 'wash' | 'accountNames' | 'instruments' | 'today'>;

// ---- as it stands ---------------------------------------------------------------------------------------------------

async function presentRows(
  store: Store,
  accounts: readonly Account[],
  scope: BookScope,
  lots: 'open' | 'all',
): Promise<Rows> {
  const rows: Mutable = emptyRows();
  for (const account of accounts) {
    const epochs =
      scope.allEpochs === true
        ? Array.from({ length: account.epoch }, (_, index) => index + 1)
        : [account.epoch];
    const filter = { accountId: account.id };
    if (lots === 'open') rows.lots.push(...(await store.lots({ ...filter, open: true })));
    for (const epoch of epochs) {
      rows.closures.push(...(await store.closures({ ...filter, epoch })));
      if (lots === 'all') rows.lots.push(...(await store.lots({ ...filter, epoch })));
    }
    rows.estimates.push(...(await presentEstimates(store, account, rows.closures)));
    for (const row of await store.ledger(filter)) if (epochs.includes(row.epoch)) rows.activities.push(row);
    for (const mark of await store.marks(filter))
      rows.marks.set(`${account.id}:${mark.instrument}`, mark.mark);
  }
  return rows;
}

interface Mutable {
  lots: Of<Lot>[];
  closures: Of<LotClosure>[];
  estimates: Estimate[];
  activities: Of<ActivityRevision>[];
  marks: Map<string, Decimal>;
}

function emptyRows(): Mutable {
  return { lots: [], closures: [], estimates: [], activities: [], marks: new Map() };
}

/** What left without a fill: the part of a row's realized figure that no close gave. */
async function presentEstimates(
  store: Store,
  account: Account,
  closures: readonly Of<LotClosure>[],
): Promise<readonly Estimate[]> {
  const rows = (await store.positions({ accountId: account.id, states: ['open'] })).filter(
    (row) => row.epoch === account.epoch && isEstimate(row),
  );
  if (rows.length === 0) return [];
  const results = episodeResults(closures.filter((row) => row.accountId === account.id));
  const events = await store.bookEvents({
    accountId: account.id,
    epoch: account.epoch,
    kinds: LIFECYCLE_EVENTS,
  });
  return estimatesOf(rows, results, events);
}

function estimatesOf(
  rows: readonly PositionRow[],
  results: ReadonlyMap<string, EpisodeResult>,
  events: readonly BookEvent[],
): readonly Estimate[] {
  const stories = storiesOf(events);
  return rows.flatMap((row) => {
    const { estimatedAt: at = null, mark = null } = stories.get(row.instrument) ?? {};
    const exact = results.get(row.openedRootId)?.realized ?? Decimal.zero;
    if (!isEstimate(row) || row.realizedPnl === null || at === null) return [];
    return [
      {
        accountId: row.accountId,
        instrument: row.instrument,
        date: newYorkDate(at),
        at,
        mark,
        amount: row.realizedPnl.minus(exact),
        quantity: row.bookQuantity.minus(row.quantity).abs(),
      },
    ];
  });
}

// ---- as it was ------------------------------------------------------------------------------------------------------

type PastBooks = (account: Account) => Promise<BookThen>;

/** Each account's book is folded once, whoever asks for it. */
function pastBooks(store: Store, when: When): PastBooks {
  const books = new Map<number, Promise<BookThen>>();
  const fold = async (account: Account): Promise<BookThen> =>
    bookThen(store, account, when, await epochOf(store, account, when));
  return (account) => {
    const known = books.get(account.id) ?? fold(account);
    books.set(account.id, known);
    return known;
  };
}

async function pastRows(
  store: Store,
  books: PastBooks,
  accounts: readonly Account[],
  scope: BookScope,
  lots: 'open' | 'all',
): Promise<Rows> {
  const rows = emptyRows();
  for (const account of accounts) {
    const then = await books(account);
    for (let epoch = 1; scope.allEpochs === true && epoch < then.epoch; epoch += 1)
      addPast(rows, await bookThen(store, account, scope, epoch), { isCurrent: false, lots });
    addPast(rows, then, { isCurrent: true, lots });
  }
  return rows;
}

/** What an account still held when it was reset is in no listing: it was neither sold nor is it there. */
function addPast(
  rows: Mutable,
  then: BookThen,
  { isCurrent, lots }: { isCurrent: boolean; lots: 'open' | 'all' },
): void {
  const { id } = then.account;
  const of = <Row>(row: Row): Of<Row> => ({ ...row, accountId: id });
  rows.closures.push(...then.closures.map(of));
  rows.activities.push(...then.activities.map(of));
  if (lots === 'all') rows.lots.push(...then.fold.lots.map(of));
  if (!isCurrent) return;
  if (lots === 'open') rows.lots.push(...then.lots.map(of));
  rows.estimates.push(...estimatesOf(positionRowsThen(then), episodeResults(then.closures), then.events));
  for (const seen of then.observations)
    if (seen.mark !== null) rows.marks.set(`${id}:${seen.instrument}`, seen.mark);
}

// ---- wash sales -----------------------------------------------------------------------------------------------------

/** Scope `taxpayer` needs the lots of every account, whichever is shown. Without a loss nothing is worked out. */
async function chosenWash(
  store: Store,
  books: PastBooks,
  everybody: readonly Account[],
  shown: readonly Account[],
  scope: BookScope,
  { closures }: Rows,
): Promise<WashFigures> {
  const chosen = scope.wash ?? (await electedScope(store, everybody));
  const hasLoss = closures.some((row) => row.realized !== null && row.realized.plus(row.rolled).sign() < 0);
  if (!hasLoss && chosen === 'account') return new Map();
  const types = await store.accountTypes();
  const inputs: WashInput[] = [];
  for (const account of chosen === 'taxpayer' ? everybody : shown) {
    const then = await books(account);
    const type = types.get(account.id);
    inputs.push({
      account,
      ...(type === undefined ? {} : { accountType: type }),
      lots: then.fold.lots,
      closures: then.closures,
      activities: then.activities,
      instruments: then.instruments,
      elections: then.elections,
    });
  }
  return washFigures(inputs, chosen);
}

/** One account that counts as its owner's tax return does makes all of them count so. */
async function electedScope(store: Store, accounts: readonly Account[]): Promise<'account' | 'taxpayer'> {
  for (const account of accounts)
    if (washScopeOf(await store.elections(account.id)) === 'taxpayer') return 'taxpayer';
  return 'account';
}
