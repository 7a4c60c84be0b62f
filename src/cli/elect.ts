import { compose } from '../compose.ts';
import { type Account } from '../domain/account.ts';
import { Decimal } from '../domain/decimal.ts';
import { ACCOUNT_TYPES, FEE_POLICIES, LOT_METHODS, WASH_SCOPES, type Election } from '../domain/election.ts';
import { TruebookError } from '../domain/errors.ts';
import { INSTRUMENT_KINDS } from '../domain/instrument.ts';
import { type Store } from '../store/store.ts';
import { now as instantNow, tryParseTradeDate, type TradeDate } from '../domain/time.ts';
import { printJson, printLine, printListing, type Listing } from './print.ts';
import { loadSettings, readBook, tellWarnings, type CommonOptions, type ListingOptions } from './session.ts';
import { checkSpan } from './timeTravel.ts';

type NewElection = Omit<Election, 'firstSeenAt'>;

export interface ElectOptions extends CommonOptions {
  readonly account: string;
  /** Identity of the instrument the choice is about; the whole account without it. */
  readonly instrument?: string;
  readonly from?: string;
  readonly to?: string;
}

const CHOICES: Readonly<Record<string, { kind: NewElection['kind']; choices: readonly string[] }>> = {
  // Which lots one sale closed is said for that sale: `choose-lots`.
  'lot-method': { kind: 'lot_method', choices: LOT_METHODS.filter((method) => method !== 'SPECIFIC') },
  'fee-policy': { kind: 'fee_policy', choices: FEE_POLICIES },
  'wash-scope': { kind: 'wash_scope', choices: WASH_SCOPES },
  'account-type': { kind: 'account_type', choices: ACCOUNT_TYPES },
};

/** How the book counts, said once and kept in the ledger: a rebuild gives the same book. */
export async function elect(what: string, choice: string, options: ElectOptions): Promise<number> {
  return write(options, choiceOf(what, choice, options));
}

/** Which lots a sale closed: `LOT=QUANTITY` for each. */
export async function electLots(
  activity: string,
  pieces: readonly string[],
  options: CommonOptions & { account: string },
): Promise<number> {
  const details = Object.fromEntries(pieces.map(pieceOf));
  const election: NewElection = {
    kind: 'lot_choice',
    object: activity,
    choice: 'SPECIFIC',
    validFrom: null,
    validTo: null,
    source: 'user',
    details,
  };
  return write(options, election, (store, account) => checkChoice(store, account, activity, details));
}

/** A choice that names nothing of the book is a slip of the pen: said now, not when the book is worked out. */
async function checkChoice(
  store: Store,
  account: Account,
  activity: string,
  details: Readonly<Record<string, string>>,
): Promise<void> {
  const chain = (await store.revisions(account.id, account.epoch, [activity])).get(activity) ?? [];
  const last = chain.at(-1);
  if (last === undefined) {
    throw new TruebookError('usage', `${account.name} has no activity "${activity.slice(0, 80)}".`, {
      hint: 'The column ACTIVITY of `truebook pnl --closes --json` and `truebook activity --json` names them.',
    });
  }
  const named = Object.keys(details);
  const lots = await store.lots({ accountId: account.id, epoch: account.epoch, ids: named });
  const strange = named.find((id) => !lots.some((lot) => lot.id === id));
  if (strange !== undefined) {
    throw new TruebookError('usage', `${account.name} has no lot "${strange.slice(0, 80)}".`, {
      hint: 'The column LOT of `truebook lots` names what is open, `lot` of `truebook pnl --closes --json` what was closed.',
    });
  }
  const other = lots.find((lot) => lot.instrument !== last.instrument?.id);
  if (other !== undefined) {
    throw new TruebookError('usage', `Lot ${other.id} is of ${other.instrument}, the activity is not.`, {
      hint: 'Name lots of what was closed.',
    });
  }
  const total = Decimal.sum(Object.values(details).map((quantity) => Decimal.parse(quantity)));
  if (total.compare(last.quantity.abs()) > 0) {
    throw new TruebookError(
      'usage',
      `The lots hold ${total.toString()}, the activity closed ${last.quantity.abs().toString()}.`,
      { hint: 'Name no more than was closed.' },
    );
  }
}

/** The elections of an account, oldest first. */
export async function listElections(options: ListingOptions): Promise<number> {
  const rows = await readBook(options, async (book, scope) => {
    const accounts = scope.account === undefined ? await book.store.accounts() : [scope.account];
    const lists = await Promise.all(
      accounts.map(async (account) =>
        (await book.store.elections(account.id)).map((row) => ({
          account: account.name,
          kind: row.kind,
          object: row.object,
          choice: row.choice,
          validFrom: row.validFrom,
          validTo: row.validTo,
          source: row.source,
          details: row.details,
          firstSeenAt: row.firstSeenAt,
        })),
      ),
    );
    return lists.flat();
  });
  printListing(rows, ELECTIONS, options);
  return 0;
}

async function write(
  options: CommonOptions & { account: string },
  election: NewElection,
  check?: (store: Store, account: Account) => Promise<void>,
): Promise<number> {
  const config = loadSettings(options);
  tellWarnings(config);
  const book = await compose({ config });
  try {
    const account = await book.account(options.account);
    await check?.(book.store, account);
    await book.store.elect(account.id, [election], {
      at: instantNow(book.clock),
      actor: 'user',
      action: 'elect',
      object: account.name,
      facts: { kind: election.kind, object: election.object, choice: election.choice },
    });
    if (options.json === true) printJson({ account: account.name, ...election });
    else
      printLine(
        `${account.name}: ${election.kind} ${election.choice}${election.object === null ? '' : ` for ${election.object}`}. The next sync works the book out anew.`,
      );
    return 0;
  } finally {
    await book.close();
  }
}

function choiceOf(what: string, choice: string, options: ElectOptions): NewElection {
  const known = Object.hasOwn(CHOICES, what) ? CHOICES[what]! : null;
  if (known === null) {
    throw new TruebookError('usage', `"${what.slice(0, 40)}" is nothing to elect.`, {
      hint: `It is one of ${Object.keys(CHOICES).join(', ')}; lots of one sale: truebook choose-lots.`,
    });
  }
  const found = oneOf(known.choices, what, choice);
  if (options.instrument !== undefined && known.kind !== 'lot_method') {
    throw new TruebookError('usage', `A ${what} holds for a whole account.`, {
      hint: 'Leave --instrument out.',
    });
  }
  const [validFrom, validTo] = [dayOf('--from', options.from), dayOf('--to', options.to)];
  if (validFrom !== null && validTo !== null) checkSpan(validFrom, validTo);
  return {
    kind: known.kind,
    object: options.instrument === undefined ? null : identityOf(options.instrument),
    choice: found,
    validFrom,
    validTo,
    source: 'user',
    details: {},
  };
}

/** Of what is bought only later, too; a display name would never be in force, without a word. */
function identityOf(text: string): string {
  const [kind = '', ...name] = text.split(':');
  if (INSTRUMENT_KINDS.some((one) => one === kind) && name.length >= (kind === 'crypto' ? 1 : 2)) return text;
  throw new TruebookError('usage', `"${text.slice(0, 40)}" is no identity of an instrument.`, {
    hint: 'Write it like equity:AAPL:USD; `truebook positions --json` tells it as `instrument`.',
  });
}

function oneOf<Choice extends string>(choices: readonly Choice[], what: string, choice: string): Choice {
  const found = choices.find((one) => one.toLowerCase() === choice.toLowerCase());
  if (found !== undefined) return found;
  throw new TruebookError('usage', `"${choice.slice(0, 40)}" is no ${what}.`, {
    hint: `It is one of ${choices.join(', ')}.`,
  });
}

function dayOf(option: string, text: string | undefined): TradeDate | null {
  if (text === undefined) return null;
  const day = tryParseTradeDate(text);
  if (day !== null) return day;
  throw new TruebookError('usage', `${option} ${text.slice(0, 40)} is no day.`, {
    hint: 'Write it like 2025-08-21.',
  });
}

function pieceOf(text: string): [lot: string, quantity: string] {
  const cut = text.lastIndexOf('=');
  const quantity = cut < 1 ? null : Decimal.tryParse(text.slice(cut + 1));
  if (quantity !== null && quantity.sign() > 0) return [text.slice(0, cut), quantity.toString()];
  throw new TruebookError('usage', `"${text.slice(0, 80)}" names no lot and quantity.`, {
    hint: 'Write LOT=QUANTITY; the column LOT of `truebook lots` names the lots.',
  });
}

interface ElectionRecord {
  readonly account: string;
  readonly kind: string;
  readonly object: string | null;
  readonly choice: string;
  readonly validFrom: string | null;
  readonly validTo: string | null;
  readonly source: string;
  readonly details: Readonly<Record<string, string>>;
  readonly firstSeenAt: string;
}

/** Lots that were named, beside the method. */
function choiceWords({ kind, choice, details }: ElectionRecord): string {
  if (kind !== 'lot_choice') return choice;
  return Object.entries(details)
    .map(([lot, quantity]) => `${quantity} of ${lot}`)
    .join(', ');
}

const ELECTIONS: Listing<ElectionRecord> = {
  nothing:
    'No elections: lots are closed first in, first out, fees are in the basis, wash sales within the account.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'KIND', cell: (row) => row.kind },
    { title: 'OBJECT', cell: (row) => row.object },
    { title: 'CHOICE', cell: choiceWords },
    { title: 'FROM', cell: (row) => row.validFrom },
    { title: 'TO', cell: (row) => row.validTo },
    { title: 'BY', cell: (row) => row.source },
    { title: 'SINCE', cell: (row) => row.firstSeenAt },
  ],
  fields: ['account', 'kind', 'object', 'choice', 'validFrom', 'validTo', 'source', 'details', 'firstSeenAt'],
};
