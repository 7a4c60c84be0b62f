/**
 * Lists that seldom change: option events, dividends, transfers, interest, fees, splits. They are read once in a while; in
 * between the rows of the newest complete answer stand in, so that a quiet cycle does not spend ten calls on them. What
 * happens meanwhile moves cash or positions, and then they are read at once (`anchor.ts`).
 */
import { type Activity } from '../../domain/activity.ts';
import { type ActivitiesAnswer } from '../broker.ts';
import { type Known } from './accounts.ts';
import { type Directory } from './directory.ts';
import { learnContracts, learnFromPositions, learnStocks } from './learn.ts';
import { type ListQuestion, type ListRow, readList } from './lists.ts';
import {
  mapAdrFee,
  mapDividend,
  mapMarginInterest,
  mapStockLoanPayment,
  mapSubscriptionFee,
  mapSweep,
} from './mapCash.ts';
import { mapOptionEvent } from './mapOptionEvents.ts';
import { optionIdOf } from './mapOptions.ts';
import { idInUrl, type Understood } from './mapped.ts';
import { mapSplitPayment } from './mapSplits.ts';
import { joinTransfers, mapAchTransfer, mapUnifiedTransfer } from './mapTransfers.ts';
import { PAGE_SIZE } from './pages.ts';
import { type Reading } from './reading.ts';
import { type ClientState, type Lane, type QuarantinedInLane } from './state.ts';
import { wireOptionEvent } from './wireOptions.ts';

type Answering = Reading<ActivitiesAnswer>;

const HOUR_MS = 3_600_000;

interface SlowList {
  readonly question: ListQuestion;
  readonly everyMs: number;
  /** Without it the book is wrong, so a 404 is no empty list. */
  readonly isVital?: true;
  /** Reads what the rows need before they can be mapped. */
  readonly prepare?: (
    reading: Answering,
    directory: Directory,
    rows: readonly ListRow[],
    known: Known,
  ) => Promise<void>;
  readonly map: (raw: unknown, path: string, directory: Directory, known: Known) => Understood;
}

/** Robinhood spells the filter in three ways, and ignores the wrong one silently (robinhood.md 0). */
function listsOf(number: string): readonly SlowList[] {
  const mine = { account_numbers: number, page_size: PAGE_SIZE };
  return [
    {
      question: api('options_events', '/options/events/', mine, 'filtered'),
      everyMs: HOUR_MS,
      isVital: true,
      prepare: prepareEvents,
      map: mapOptionEvent,
    },
    {
      question: api('dividends', '/dividends/', mine, 'filtered'),
      everyMs: 6 * HOUR_MS,
      isVital: true,
      prepare: prepareStocks,
      map: mapDividend,
    },
    slow('ach_transfers', '/ach/transfers/', (raw, path) => mapAchTransfer(raw, path)),
    {
      question: {
        ...api('unified_transfers', '/paymenthub/unified_transfers/', {}, null),
        host: 'bonfire',
      },
      everyMs: 6 * HOUR_MS,
      map: (raw, path, _directory, known) => mapUnifiedTransfer(raw, path, known.accountNumber),
    },
    slow('sweeps', '/accounts/sweeps/', (raw, path) => mapSweep(raw, path), {
      default_to_all_accounts: 'true',
    }),
    {
      ...slow('stock_loan_payments', '/accounts/stock_loan_payments/', mapStockLoanPayment),
      prepare: prepareStocks,
    },
    slow('margin_interest', '/cash_journal/margin_interest_charges/', (raw, path) =>
      mapMarginInterest(raw, path),
    ),
    slow('subscription_fees', '/subscription/subscription_fees/', (raw, path) =>
      mapSubscriptionFee(raw, path),
    ),
    {
      ...slow('split_payments', '/corp_actions/v2/split_payments/', mapSplitPayment),
      prepare: prepareStocks,
    },
    { ...slow('adr_fees', '/corp_actions/adr_fees/', mapAdrFee), prepare: prepareStocks },
  ];
}

function api(
  resource: string,
  path: string,
  query: Readonly<Record<string, string>>,
  rows: ListQuestion['rows'],
): ListQuestion {
  return { resource, host: 'api', path, query, rows };
}

function slow(
  resource: string,
  path: string,
  map: SlowList['map'],
  query: Readonly<Record<string, string>> = {},
): SlowList {
  return { question: api(resource, path, query, 'every'), everyMs: 6 * HOUR_MS, map };
}

/** Instruments that rows name in any of the ways rows do. */
async function prepareStocks(
  reading: Answering,
  directory: Directory,
  rows: readonly ListRow[],
): Promise<void> {
  await learnStocks(
    reading,
    directory,
    rows.flatMap(({ raw }) => stockIdsIn(raw)),
  );
}

function stockIdsIn(raw: unknown): readonly (string | null)[] {
  if (raw === null || typeof raw !== 'object') return [];
  const row = raw as Readonly<Record<string, unknown>>;
  const split = (row['split'] ?? {}) as Readonly<Record<string, unknown>>;
  const ids = [row['instrument_id'], split['old_instrument_id'], split['new_instrument_id']];
  const address = typeof row['instrument'] === 'string' ? row['instrument'] : null;
  return [...ids.map((id) => (typeof id === 'string' ? id : null)), idInUrl(address, 'instruments')];
}

/** Contracts and delivered stocks; of expiries also which side they closed, which only the positions tell. */
async function prepareEvents(
  reading: Answering,
  directory: Directory,
  rows: readonly ListRow[],
  known: Known,
): Promise<void> {
  const events = rows.flatMap(({ raw }) => {
    const parsed = wireOptionEvent.safeParse(raw);
    return parsed.success ? [parsed.data] : [];
  });
  await learnContracts(
    reading,
    directory,
    events.map((event) => optionIdOf(event)),
  );
  const delivered = events.flatMap((event) => event.equity_components ?? []);
  await learnStocks(
    reading,
    directory,
    delivered.map((one) => idInUrl(one.instrument, 'instruments')),
  );
  const isSideless = events.some((event) => {
    const id = idInUrl(event.position, 'positions');
    return event.type === 'expiration' && id !== null && !directory.optionSides.has(id);
  });
  if (!isSideless) return;
  // Closed rows too: all that the account ever held.
  const query = { account_numbers: known.accountNumber, page_size: PAGE_SIZE };
  const closed = api('options_positions', '/options/positions/', query, 'filtered');
  learnFromPositions(directory, (await readList(reading, closed, known)).rows);
}

/** The rows of all slow lists, read now as far as they are due, or `all` of them. */
export async function readLanes(
  reading: Answering,
  state: ClientState,
  known: Known,
  monoMs: number,
  which: 'due' | 'all',
): Promise<readonly Activity[]> {
  const found = new Map<string, readonly Activity[]>();
  for (const list of listsOf(known.accountNumber)) {
    const { resource } = list.question;
    const kept = state.lanes.get(resource);
    const isDue = kept === undefined || which === 'all' || monoMs - kept.monoMs >= list.everyMs;
    const lane = isDue ? await readLane(reading, state, known, monoMs, list) : kept;
    state.lanes.set(resource, lane);
    found.set(resource, lane.rows);
    for (const { problem, raw, sha256 } of lane.quarantined)
      reading.quarantine(resource, problem, raw, isDue ? sha256 : null);
  }
  const ach = found.get('ach_transfers') ?? [];
  const unified = found.get('unified_transfers') ?? [];
  const others = [...found].filter(([name]) => name !== 'ach_transfers' && name !== 'unified_transfers');
  return [...others.flatMap(([, rows]) => rows), ...joinTransfers(ach, unified)];
}

async function readLane(
  reading: Answering,
  state: ClientState,
  known: Known,
  monoMs: number,
  { question, prepare, map, isVital }: SlowList,
): Promise<Lane> {
  const { rows } = await readList(reading, question, known, { mayBeGone: isVital !== true });
  await prepare?.(reading, state.directory, rows, known);
  const found: Activity[] = [];
  const quarantined: QuarantinedInLane[] = [];
  for (const { raw, path, sha256 } of rows) {
    const { rows: activities, problems } = map(raw, path, state.directory, known);
    found.push(...activities);
    for (const problem of problems) quarantined.push({ problem, raw, sha256 });
  }
  return { monoMs, rows: found, quarantined };
}
