import { type Account } from '../domain/account.ts';
import { type Election } from '../domain/election.ts';
import { Decimal } from '../domain/decimal.ts';
import { TruebookError } from '../domain/errors.ts';
import { now as instantNow, tryParseTradeDate, type TradeDate } from '../domain/time.ts';
import { type Lot } from '../domain/lot.ts';
import { compose } from '../compose.ts';
import { type Store, type StoredClosure, type StoredLot } from '../store/store.ts';
import { bookThen } from '../sync/asOf.ts';
import { printJson, printLine } from './print.ts';
import { loadSettings, tellWarnings, type CommonOptions } from './session.ts';

export interface BasisOptions extends CommonOptions {
  readonly account?: string;
  readonly cost: string;
  readonly acquired: string;
}

/**
 * What a person knows of a lot whose basis no broker told (a transfer, an opening), or which an event put in doubt (a
 * spin-off, a merger, a split without terms): its total cost, then as that event left it, and the day it was acquired. It goes into the ledger as an election; the next run works the book out anew.
 */
export async function basis(lotId: string, options: BasisOptions): Promise<number> {
  const cost = costOf(options.cost);
  const acquired = dayOf(options.acquired);
  const config = loadSettings(options);
  tellWarnings(config);
  const book = await compose({ config });
  try {
    const scope = options.account === undefined ? {} : { account: await book.account(options.account) };
    const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
    const found = (await book.store.lots({ ...filter, ids: [lotId] }))[0] ?? null;
    const closed = found === null ? await closedWithoutLot(book.store, filter, lotId) : null;
    const subject = found ?? closed;
    if (subject === null) throw noSuchLot(lotId);
    if (closed !== null) refuseLaterThanClose(closed, acquired);
    if (found !== null) refuseLaterThanArrival(found, acquired);
    const settles = found === null ? undefined : await doubtOf(book.store, found);
    const details = { acquired, ...(settles === undefined ? {} : { settles }) };
    const election: Omit<Election, 'firstSeenAt'> = {
      kind: 'basis',
      object: lotId,
      choice: cost.toString(),
      validFrom: null,
      validTo: null,
      source: 'user',
      details,
    };
    const at = instantNow(book.clock);
    await book.store.elect(subject.accountId, [election], {
      at,
      actor: 'user',
      action: 'basis',
      object: lotId,
      facts: { cost: cost.toString(), ...details },
    });
    if (options.json === true) printJson({ lot: lotId, cost: cost.toString(), acquired });
    else
      printLine(
        `${lotId}: cost ${cost.toString()} ${subject.currency}, acquired ${acquired}. The next sync works the book out anew.`,
      );
    return 0;
  } finally {
    await book.close();
  }
}

/** What was sold, or paid for in cash, and came from no lot that is known: `pnl --closes --json` names it `unknown:...`. */
async function closedWithoutLot(
  store: Store,
  filter: { accountId?: Account['id'] },
  lotId: string,
): Promise<StoredClosure | null> {
  if (!lotId.startsWith('unknown:')) return null;
  const [only, another] = await store.closures({ ...filter, lotIds: [lotId] });
  return another === undefined ? (only ?? null) : only!;
}

/** The event that put the cost of a lot in doubt: the basis is of the lot as that left it. */
async function doubtOf(store: Store, lot: StoredLot): Promise<string | undefined> {
  const account = (await store.accounts()).find(({ id }) => id === lot.accountId);
  if (account === undefined) return undefined;
  const { fold } = await bookThen(store, account, {}, lot.epoch);
  const folded = fold.lots.find(({ id }) => id === lot.id);
  return folded?.doubtedBy;
}

function costOf(text: string): Decimal {
  const cost = Decimal.tryParse(text);
  if (cost !== null && cost.sign() >= 0) return cost;
  throw new TruebookError('usage', `--cost ${text.slice(0, 40)} is no amount.`, {
    hint: 'Give the total paid for the lot as it was acquired, such as 1500.00.',
  });
}

function dayOf(text: string): TradeDate {
  const day = tryParseTradeDate(text);
  if (day !== null) return day;
  throw new TruebookError('usage', `--acquired ${text.slice(0, 40)} is no day.`, {
    hint: 'Write it like 2021-03-15.',
  });
}

function noSuchLot(lotId: string): TruebookError {
  return new TruebookError('usage', `There is no lot ${lotId.slice(0, 120)}.`, {
    hint:
      'The column LOT of `truebook lots` names what is open; units that were closed and came from no known lot are ' +
      '`unknown:ACTIVITY`, with the column ACTIVITY of `truebook pnl --closes --json`.',
  });
}

function refuseLaterThanClose(row: StoredClosure, acquired: TradeDate): void {
  if (acquired <= row.closedDate) return;
  throw new TruebookError(
    'usage',
    `The units were closed on ${row.closedDate}: they were not acquired later.`,
    {
      hint: 'Give the day on which the shares were bought.',
    },
  );
}

function refuseLaterThanArrival(lot: Lot, acquired: TradeDate): void {
  if (acquired <= lot.openedAt.slice(0, 10)) return;
  throw new TruebookError(
    'usage',
    `The lot came on ${lot.openedAt.slice(0, 10)}: it was not acquired later.`,
    {
      hint: 'Give the day on which the shares were bought.',
    },
  );
}
