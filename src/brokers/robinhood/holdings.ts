/** Positions of an account: stocks, options, coins, with their marks. Four calls, six with coins, once ids are known. */
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type Quote, type SnapshotPosition } from '../../domain/snapshot.ts';
import { type Known } from './accounts.ts';
import { cryptoAccountOf, ownCoins } from './coins.ts';
import {
  learnContracts,
  learnFromPositions,
  learnPairs,
  learnStocks,
  OPTION_IDS_MAX,
  STOCK_IDS_MAX,
} from './learn.ts';
import { chunked, type ListRow, orNull, readList } from './lists.ts';
import { mapForexMarks, mapHolding } from './mapCrypto.ts';
import { type Mapped, type Problem } from './mapped.ts';
import { mapOptionPosition, mapOptionQuote, netted, readOptionQuotes } from './mapOptions.ts';
import { instrumentIdOf, mapStockMarks, mapStockPosition, type Mark } from './mapPositions.ts';
import { type Reading } from './reading.ts';
import { type ClientState, type CryptoAccount, type OptionData } from './state.ts';
import { wireStockPosition } from './wire.ts';
import { wireCryptoHolding } from './wireCrypto.ts';
import { type WireOptionQuote } from './wireOptions.ts';

type Rows = readonly SnapshotPosition[];

export async function readHoldings(
  reading: Reading<Rows>,
  state: ClientState,
  known: Known,
  monoMs: () => number,
): Promise<Rows> {
  const number = known.accountNumber;
  const stocks = await readList(
    reading,
    {
      resource: 'positions',
      host: 'api',
      path: '/positions/',
      query: { account_number: number, nonzero: 'true' },
      rows: 'filtered',
    },
    known,
  );
  const options = await readList(
    reading,
    {
      resource: 'options_positions',
      host: 'api',
      path: '/options/positions/',
      query: { account_numbers: number, nonzero: 'True' },
      rows: 'filtered',
    },
    known,
  );
  const crypto = await cryptoAccountOf(reading, state.crypto, known, monoMs());
  const coins = crypto === null ? [] : await listHoldings(reading, crypto);
  const held = await coinPositions(reading, state, coins);
  if (held.some(({ mapped }) => mapped.row !== null)) state.crypto.heldMs = monoMs();
  const rows = joined(reading, [
    ...(await stockPositions(reading, state, stocks.rows)),
    ...(await optionPositions(reading, state, options.rows, monoMs)),
    ...held,
  ]);
  state.sides = new Map(rows.map((row) => [row.instrument.id, row.quantity.sign() < 0 ? 'short' : 'long']));
  state.quantities = new Map(rows.map((row) => [row.instrument.id, row.quantity]));
  state.contractIds = new Map(
    rows.flatMap(({ instrument, brokerInstrumentId: id }) =>
      instrument.kind === 'option' && id !== null ? [[instrument.id, id] as const] : [],
    ),
  );
  return rows;
}

interface MappedRow {
  readonly resource: string;
  readonly from: ListRow;
  readonly mapped: Mapped<SnapshotPosition>;
}

/** Positions by instrument: the two sides of an option contract become one, anything else must not come twice. */
function joined(reading: Reading<Rows>, mapped: readonly MappedRow[]): Rows {
  const rows = new Map<InstrumentId, SnapshotPosition>();
  for (const { resource, from, mapped: one } of mapped) {
    if (one.problem !== null) reading.quarantine(resource, one.problem, from.raw, from.sha256);
    if (one.row === null) continue;
    const { id, kind, symbol } = one.row.instrument;
    const earlier = rows.get(id);
    if (earlier !== undefined && (kind !== 'option' || earlier.quantity.sign() === one.row.quantity.sign()))
      reading.fail('duplicate_position', `Robinhood listed ${symbol} twice in one answer.`);
    const both = earlier === undefined ? one.row : netted(earlier, one.row);
    if (both === null) rows.delete(id);
    else rows.set(id, both);
  }
  return [...rows.values()];
}

// ---- stocks -----------------------------------------------------------------------------------------------------

async function stockPositions(
  reading: Reading<Rows>,
  state: ClientState,
  rows: readonly ListRow[],
): Promise<readonly MappedRow[]> {
  const open = rows.flatMap(({ raw }) => {
    const parsed = wireStockPosition.safeParse(raw);
    return parsed.success && !parsed.data.quantity.isZero() ? [parsed.data] : [];
  });
  const ids = open.flatMap((row) => instrumentIdOf(row) ?? []);
  const shown = new Map(
    open.flatMap((row) => (row.symbol === null ? [] : [[instrumentIdOf(row) ?? '', row.symbol] as const])),
  );
  await learnStocks(reading, state.directory, ids, shown);
  const marks = await stockMarks(reading, ids);
  return rows.map((from) => ({
    resource: 'positions',
    from,
    mapped: mapStockPosition(from.raw, from.path, state.directory, marks),
  }));
}

async function stockMarks(
  reading: Reading<Rows>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Mark>> {
  const marks = new Map<string, Mark>();
  for (const chunk of chunked([...new Set(ids)], STOCK_IDS_MAX)) {
    const rows = await marketData(reading, 'quotes', '/marketdata/quotes/', chunk);
    const read = mapStockMarks(
      rows.map((row) => row.raw),
      reading.startedAt,
    );
    for (const [id, mark] of read.marks) marks.set(id, mark);
    tell(reading, 'quotes', read.problems, rows);
  }
  return marks;
}

/** Marks decorate positions: without them they are unpriced, and still there. */
async function marketData<Anything>(
  reading: Reading<Anything>,
  resource: string,
  path: string,
  ids: readonly string[],
): Promise<readonly ListRow[]> {
  const question = { resource, host: 'api', path, query: { ids: ids.join(',') }, rows: null } as const;
  return (await orNull(() => readList(reading, question, null)))?.rows ?? [];
}

function tell<Anything>(
  reading: Reading<Anything>,
  resource: string,
  problems: readonly (Problem & { readonly index: number })[],
  rows: readonly ListRow[],
): void {
  for (const { index, ...problem } of problems) {
    reading.quarantine(resource, problem, rows[index]?.raw, rows[index]?.sha256 ?? null);
  }
}

// ---- options ----------------------------------------------------------------------------------------------------

async function optionPositions(
  reading: Reading<Rows>,
  state: ClientState,
  rows: readonly ListRow[],
  monoMs: () => number,
): Promise<readonly MappedRow[]> {
  const ids = learnFromPositions(state.directory, rows);
  await learnContracts(reading, state.directory, ids);
  state.optionData = await readOptionData(reading, ids, monoMs());
  const { quotes } = state.optionData;
  return rows.map((from) => ({
    resource: 'options_positions',
    from,
    mapped: mapOptionPosition(from.raw, from.path, state.directory, quotes),
  }));
}

async function readOptionData<Anything>(
  reading: Reading<Anything>,
  ids: readonly string[],
  monoMs: number,
): Promise<OptionData> {
  const quotes = new Map<string, WireOptionQuote>();
  for (const chunk of chunked([...new Set(ids)], OPTION_IDS_MAX)) {
    const rows = await marketData(reading, 'marketdata_options', '/marketdata/options/', chunk);
    const read = readOptionQuotes(rows.map((row) => row.raw));
    for (const [id, quote] of read.quotes) quotes.set(id, quote);
    tell(reading, 'marketdata_options', read.problems, rows);
  }
  return { quotes, asked: new Set(ids), startedAt: reading.startedAt, monoMs };
}

/** How old market data may be that the positions of the same cycle were priced with. */
const SAME_CYCLE_MS = 60_000;

/**
 * Marks and Greeks of options that were among the newest positions; others have no id that could be asked for and are left
 * out. Without a call where the positions were read within the last minute: they brought the same data.
 */
export async function readOptionMarks(
  reading: Reading<readonly Quote[]>,
  state: ClientState,
  instruments: readonly Instrument[],
  monoMs: number,
): Promise<readonly Quote[]> {
  const wanted = instruments.flatMap((instrument) => {
    const id = state.contractIds.get(instrument.id);
    return id === undefined ? [] : [{ instrument, id }];
  });
  const kept = state.optionData;
  const isYoung = kept !== null && monoMs - kept.monoMs <= SAME_CYCLE_MS;
  const isWhole = isYoung && wanted.every(({ id }) => kept.asked.has(id));
  const data = isWhole
    ? kept
    : await readOptionData(
        reading,
        wanted.map(({ id }) => id),
        monoMs,
      );
  reading.speaksOf(data.startedAt);
  return wanted.flatMap(({ instrument, id }) => {
    const quote = data.quotes.get(id);
    const side = state.sides.get(instrument.id) ?? null;
    return quote === undefined ? [] : [mapOptionQuote(instrument, quote, side)];
  });
}

// ---- coins ------------------------------------------------------------------------------------------------------

async function listHoldings(reading: Reading<Rows>, account: CryptoAccount): Promise<readonly ListRow[]> {
  const query: Record<string, string> = { nonzero: 'true' };
  if (account.rhsAccountNumber !== null) query['rhs_account_number'] = account.rhsAccountNumber;
  const question = {
    resource: 'nummus_holdings',
    host: 'nummus',
    path: '/holdings/',
    query,
    rows: null,
  } as const;
  const { rows } = await readList(reading, question, null);
  return ownCoins(reading, 'nummus_holdings', rows, account);
}

async function coinPositions(
  reading: Reading<Rows>,
  state: ClientState,
  rows: readonly ListRow[],
): Promise<readonly MappedRow[]> {
  const ids = rows.flatMap(({ raw }) => {
    const parsed = wireCryptoHolding.safeParse(raw);
    return parsed.success && !parsed.data.quantity.isZero() ? (parsed.data.currency_pair_id ?? []) : [];
  });
  await learnPairs(reading, state.directory, ids);
  const marks = new Map<string, Mark>();
  for (const chunk of chunked([...new Set(ids)], STOCK_IDS_MAX)) {
    const quotes = await marketData(reading, 'forex_quotes', '/marketdata/forex/quotes/', chunk);
    const read = mapForexMarks(quotes.map((row) => row.raw));
    for (const [id, mark] of read.marks) marks.set(id, mark);
    tell(reading, 'forex_quotes', read.problems, quotes);
  }
  return rows.map((from) => ({
    resource: 'nummus_holdings',
    from,
    mapped: mapHolding(from.raw, from.path, state.directory, marks),
  }));
}
