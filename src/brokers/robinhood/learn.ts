/** Asks what ids mean that are not in the directory yet: in batches, each id once. */
import { firstProblem } from '../wireWords.ts';
import { contractFrom, type Directory } from './directory.ts';
import { chunked, type ListRow, readList } from './lists.ts';
import { optionIdOf } from './mapOptions.ts';
import { type Reading } from './reading.ts';
import { wireInstrument } from './wire.ts';
import { wireCurrencyPair } from './wireCrypto.ts';
import { wireOptionChain, wireOptionInstrument, wireOptionPosition } from './wireOptions.ts';
import { type WireLeg, wireOptionOrder } from './wireOrders.ts';

/** Ids per request (robinhood.md 3, 4.3): what public clients were seen to get away with. */
export const STOCK_IDS_MAX = 40;
export const OPTION_IDS_MAX = 25;

/** Tickers of instruments. `expected` holds tickers that rows show: another one than ours means a new name. */
export async function learnStocks<Rows>(
  reading: Reading<Rows>,
  directory: Directory,
  ids: Iterable<string | null>,
  expected: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const wanted = [...new Set(ids)].filter((id): id is string => {
    if (id === null) return false;
    const known = directory.stocks.get(id);
    return known === undefined || (expected.has(id) && expected.get(id) !== known);
  });
  for (const chunk of chunked(wanted, STOCK_IDS_MAX)) {
    const query = { ids: chunk.join(','), active_instruments_only: 'false' };
    for (const row of await rowsOf(reading, 'instruments', '/instruments/', query)) {
      const parsed = wireInstrument.safeParse(row.raw);
      if (parsed.success) directory.stocks.set(parsed.data.id, parsed.data.symbol);
      else reading.quarantine('instruments', firstProblem(parsed.error, row.path), row.raw, row.sha256);
    }
  }
}

/** Terms of contracts, and of the chains of adjusted ones, whose multiplier cannot be assumed. */
export async function learnContracts<Rows>(
  reading: Reading<Rows>,
  directory: Directory,
  ids: Iterable<string | null>,
): Promise<void> {
  const wanted = [...new Set(ids)].filter((id): id is string => id !== null);
  const unknown = wanted.filter((id) => !directory.contracts.has(id));
  for (const chunk of chunked(unknown, OPTION_IDS_MAX)) {
    const query = { ids: chunk.join(',') };
    for (const row of await rowsOf(reading, 'options_instruments', '/options/instruments/', query)) {
      learnContract(reading, directory, row);
    }
  }
  for (const id of wanted) await learnChain(reading, directory, id);
}

function learnContract<Rows>(reading: Reading<Rows>, directory: Directory, row: ListRow): void {
  const parsed = wireOptionInstrument.safeParse(row.raw);
  if (!parsed.success) {
    reading.quarantine('options_instruments', firstProblem(parsed.error, row.path), row.raw, row.sha256);
    return;
  }
  const { id, chain_id, chain_symbol, expiration_date, strike_price, type } = parsed.data;
  const contract = contractFrom({
    chainId: chain_id,
    chainSymbol: chain_symbol,
    expiry: expiration_date,
    strike: strike_price,
    right: type,
  });
  if (contract !== null) directory.contracts.set(id, contract);
  else {
    const reason = 'the terms of this contract make no OCC symbol';
    reading.quarantine('options_instruments', { path: row.path, reason }, row.raw, row.sha256);
  }
}

async function learnChain<Rows>(reading: Reading<Rows>, directory: Directory, id: string): Promise<void> {
  const contract = directory.contracts.get(id);
  if (contract?.isAdjusted !== true || contract.chainId === null) return;
  if (directory.chains.has(contract.chainId)) return;
  const path = `/options/chains/${contract.chainId}/`;
  const answer = await reading.find('options_chains', 'api', path);
  const parsed = answer === null ? null : wireOptionChain.safeParse(answer.json);
  if (parsed?.success !== true) return;
  directory.chains.set(contract.chainId, {
    multiplier: parsed.data.trade_value_multiplier,
    underlying: parsed.data.underlyings?.[0]?.symbol ?? null,
  });
}

/**
 * Rows of option positions tell multipliers and which side a position id is. Answers the contracts of those that are open;
 * unreadable rows tell nothing here.
 */
export function learnFromPositions(directory: Directory, rows: readonly ListRow[]): readonly string[] {
  return rows.flatMap(({ raw }) => {
    const parsed = wireOptionPosition.safeParse(raw);
    if (!parsed.success) return [];
    const id = optionIdOf(parsed.data);
    const multiplier = parsed.data.trade_value_multiplier;
    if (id !== null && multiplier !== null && multiplier.sign() > 0)
      directory.multipliers.set(id, multiplier);
    directory.optionSides.set(parsed.data.id, parsed.data.type);
    return id === null || parsed.data.quantity.isZero() ? [] : [id];
  });
}

/**
 * Legs of option orders state the terms of their contracts, so that most need not be asked for. Answers the ids of those
 * that were executed and are still unknown.
 */
export function learnFromOrders(directory: Directory, rows: readonly ListRow[]): readonly string[] {
  const unknown = new Set<string>();
  for (const { raw } of rows) {
    const parsed = wireOptionOrder.safeParse(raw);
    if (!parsed.success) continue;
    const order = parsed.data;
    for (const leg of order.legs) {
      const id = optionIdOf(leg);
      if (id === null || (leg.executions ?? []).length === 0) continue;
      const multiplier = order.trade_value_multiplier;
      if (multiplier !== null && multiplier.sign() > 0 && !directory.multipliers.has(id))
        directory.multipliers.set(id, multiplier);
      const contract = directory.contracts.get(id) ?? contractOfLeg(order.chain_id, order.chain_symbol, leg);
      if (contract === null) unknown.add(id);
      else directory.contracts.set(id, contract);
    }
  }
  return [...unknown];
}

function contractOfLeg(
  chainId: string | null,
  chainSymbol: string | null,
  { expiration_date, strike_price, option_type }: WireLeg,
): ReturnType<typeof contractFrom> {
  if (chainSymbol === null || expiration_date === null || strike_price === null) return null;
  if (option_type !== 'call' && option_type !== 'put') return null;
  return contractFrom({
    chainId,
    chainSymbol,
    expiry: expiration_date,
    strike: strike_price,
    right: option_type,
  });
}

/** All pairs in one answer, when one of `ids` is unknown. */
export async function learnPairs<Rows>(
  reading: Reading<Rows>,
  directory: Directory,
  ids: Iterable<string | null>,
): Promise<void> {
  const isWhole = [...ids].every((id) => id === null || directory.pairs.has(id));
  if (isWhole) return;
  const question = {
    resource: 'currency_pairs',
    host: 'nummus',
    path: '/currency_pairs/',
    query: {},
    rows: null,
  } as const;
  for (const row of (await readList(reading, question, null)).rows) {
    const parsed = wireCurrencyPair.safeParse(row.raw);
    if (!parsed.success) continue;
    const { id, asset_currency, quote_currency } = parsed.data;
    directory.pairs.set(id, `${asset_currency.code}/${quote_currency.code}`);
  }
}

/** Rows of a list that nobody owns, without those that are null because an id is unknown. */
async function rowsOf<Rows>(
  reading: Reading<Rows>,
  resource: string,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly ListRow[]> {
  const { rows } = await readList(reading, { resource, host: 'api', path, query, rows: null }, null);
  return rows.filter((row) => row.raw !== null);
}
