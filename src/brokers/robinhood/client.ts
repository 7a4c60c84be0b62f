/**
 * Which calls in which order: the reads of one Robinhood account. Nine calls in a quiet cycle of stocks and options (three
 * for the balances, four for positions with their marks and Greeks, two for trades), twelve with coins. Nothing here logs
 * in: that is the session's.
 */
import { type Instrument } from '../../domain/instrument.ts';
import { type OrderReference, type Quote, type Read, type SnapshotPosition } from '../../domain/snapshot.ts';
import { type Clock } from '../../domain/time.ts';
import { type Egress } from '../../egress/egress.ts';
import { type ActivitiesAnswer, type ActivityWindow, type BalancesAnswer } from '../broker.ts';
import { findAccounts, type FoundAccount, type Known, readAccountRow, readBalances } from './accounts.ts';
import { readHoldings, readOptionMarks } from './holdings.ts';
import { type Connection, type Reading, readWith } from './reading.ts';
import { createRedactor } from './redact.ts';
import { type HostName, type RobinhoodSession } from './session.ts';
import { createState } from './state.ts';
import { readTrades, referenceOf } from './trades.ts';

export type { FoundAccount } from './accounts.ts';
export type { HostName, Refusal, RobinhoodSession } from './session.ts';

/** Where Robinhood lives (robinhood.md 0). */
export const ROBINHOOD_HOSTS: Readonly<Record<HostName, string>> = {
  api: 'https://api.robinhood.com',
  nummus: 'https://nummus.robinhood.com',
  bonfire: 'https://bonfire.robinhood.com',
};

export interface RobinhoodOptions {
  readonly session: RobinhoodSession;
  /** The account to read; null = the login's default one. */
  readonly accountNumber: string | null;
  /** Default: Robinhood's own; a sandbox has one base address per host. */
  readonly hosts?: Readonly<Record<HostName, string>>;
  readonly egress: Egress;
  readonly clock: Clock;
}

/** Reads never throw for what Robinhood or the network does: they answer `incomplete` with a `TruebookError` inside. */
export interface RobinhoodClient {
  /** Every account of this login, for a person to choose from: three calls and one for each hidden account. */
  findAccounts(signal?: AbortSignal): Promise<Read<readonly FoundAccount[]>>;
  readBalances(signal?: AbortSignal): Promise<Read<BalancesAnswer>>;
  readPositions(signal?: AbortSignal): Promise<Read<readonly SnapshotPosition[]>>;
  readActivities(window: ActivityWindow, signal?: AbortSignal): Promise<Read<ActivitiesAnswer>>;
  /** As `Broker.readOrders`: those that trades were read of are known, others are looked up. */
  readOrders(
    orderIds: readonly string[],
    signal?: AbortSignal,
    lookupsMax?: number,
  ): Promise<Read<readonly OrderReference[]>>;
  /** Marks and Greeks of options that are held, signs as they are held. */
  readQuotes(instruments: readonly Instrument[], signal?: AbortSignal): Promise<Read<readonly Quote[]>>;
}

/** Orders looked up one by one where the caller sets no limit. */
const LOOKUPS_MAX = 3;

export function createRobinhoodClient(options: RobinhoodOptions): RobinhoodClient {
  const { session, clock, egress, accountNumber } = options;
  const redactor = createRedactor(() => session.secrets());
  if (accountNumber !== null) redactor.learn(accountNumber);
  const connection: Connection = {
    hosts: options.hosts ?? ROBINHOOD_HOSTS,
    session,
    egress,
    clock,
    redactor,
  };
  const state = createState();
  const monoMs = (): number => clock.monoMs();

  const knownAccount = async <Rows>(reading: Reading<Rows>): Promise<Known> => {
    state.known ??= (await readAccountRow(reading, redactor, accountNumber, null)).known;
    return state.known;
  };

  return {
    findAccounts: (signal) => readWith(connection, signal, (reading) => findAccounts(reading, redactor)),
    readBalances: (signal) =>
      readWith(connection, signal, async (reading) => {
        const { answer, known, coins } = await readBalances(reading, redactor, accountNumber, state.known);
        state.known = known;
        state.crypto.shown = coins;
        state.cash = answer.balances[0]?.cash ?? null;
        return answer;
      }),
    readPositions: (signal) =>
      readWith(connection, signal, async (reading) =>
        readHoldings(reading, state, await knownAccount(reading), monoMs),
      ),
    readActivities: (window, signal) =>
      readWith(connection, signal, async (reading) => {
        const known = await knownAccount(reading);
        return readTrades(reading, { state, known, monoMs: monoMs() }, window);
      }),
    readOrders: (orderIds, signal, lookupsMax = LOOKUPS_MAX) =>
      readWith(connection, signal, (reading) => findOrders(reading, state.orders, orderIds, lookupsMax)),
    readQuotes: (instruments, signal) =>
      readWith(connection, signal, (reading) => readOptionMarks(reading, state, instruments, monoMs())),
  };
}

/** Where an order may be: nothing about its id says of which kind it is. */
const ORDER_PLACES = [
  { resource: 'order', host: 'api', path: '/orders/' },
  { resource: 'option_order', host: 'api', path: '/options/orders/' },
  { resource: 'crypto_order', host: 'nummus', path: '/orders/' },
] as const;

async function findOrders(
  reading: Reading<readonly OrderReference[]>,
  known: Map<string, OrderReference>,
  orderIds: readonly string[],
  lookupsMax: number,
): Promise<readonly OrderReference[]> {
  const wanted = [...new Set(orderIds)];
  const looked = new Set<string>();
  const references = (): OrderReference[] =>
    wanted.flatMap((orderId) => {
      const reference = known.get(orderId);
      if (reference !== undefined) return [reference];
      return looked.has(orderId) ? [{ orderId, clientOrderId: null, parentOrderId: null }] : [];
    });
  reading.understood(references);
  let lookups = 0;
  for (const id of wanted.filter((one) => !known.has(one))) {
    // What cannot be an id of Robinhood's is not asked for: it is as unknown as one that is answered with 404.
    const isAsked = /^[0-9A-Za-z_-]{1,64}$/.test(id);
    if (isAsked && lookups >= lookupsMax) continue;
    for (const { resource, host, path } of isAsked ? ORDER_PLACES : []) {
      lookups += 1;
      const answer = await reading.find(resource, host, `${path}${id}/`);
      const reference = answer === null ? null : referenceOf(answer.json);
      if (reference?.orderId !== id) continue;
      known.set(id, reference);
      break;
    }
    looked.add(id);
  }
  return references();
}
