/** Plays a vector through the engine, transaction by transaction: what an account's book is after each of them. */
import { chooseLots, type LotWish, type Strictness } from '../../src/book/chooseLots.ts';
import { printBook } from '../../src/book/checkpoint.ts';
import { type Book, EMPTY_BOOK, foldBook, type FoldRules, openLots } from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { type Election, type FeePolicy, type LotMethod } from '../../src/domain/election.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { type Lot, type LotClosure, type LotId } from '../../src/domain/lot.ts';
import { type Instant, parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { oneOf, type Transaction, type Vector } from './format.ts';
import { SPLIT_ROUNDING, WASH_POLICIES } from './washPolicies.ts';
import {
  activitiesOf,
  instrumentOf,
  momentOf,
  nextInstant,
  number,
  rootOf,
  row,
  type Scene,
  stamped,
} from './translate.ts';

/** Refused by the engine, in the words of the format. */
export class Refused extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

export interface Played {
  readonly vector: Vector;
  readonly accounts: ReadonlyMap<string, AccountState>;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly activities: ReadonlyMap<string, Activity>;
  /** Why the last transaction was refused; it then changed nothing. */
  readonly error: string | null;
  /** Transactions that happened, in order. */
  readonly done: readonly Transaction[];
}

export interface AccountState {
  readonly book: Book;
  /** In book order, by id: a later row replaces an earlier one. */
  readonly closures: readonly LotClosure[];
  /** Every lot there ever was, as it is now. */
  readonly lots: ReadonlyMap<LotId, Lot>;
  readonly activities: readonly Activity[];
  readonly elections: readonly Election[];
  /** Largest position in either direction. */
  readonly peak: Decimal;
}

const EMPTY_ACCOUNT: AccountState = {
  book: EMPTY_BOOK,
  closures: [],
  lots: new Map(),
  activities: [],
  elections: [],
  peak: Decimal.zero,
};

const METHODS: Readonly<Record<string, LotMethod>> = {
  FIFO: 'FIFO',
  LIFO: 'LIFO',
  HIFO: 'HIFO',
  LOFO: 'LOFO',
  AVERAGE: 'AVERAGE',
  COMPRESSED_FIFO: 'COMPRESSED_FIFO',
  ZERO_BASIS_FIRST_FIFO: 'ZERO_BASIS_FIRST_FIFO',
  // Lots are chosen for each close; what is not chosen leaves by FIFO.
  SPECIFIC: 'FIFO',
  STRICT: 'FIFO',
  STRICT_WITH_SIZE: 'FIFO',
  NONE: 'FIFO',
  // The pool of section 104 is an average; the matching of the same and the next 30 days is not a US broker's.
  UK_S104: 'AVERAGE',
};
const FEE_POLICIES: Readonly<Record<string, FeePolicy>> = {
  in_basis: 'in_basis',
  excluded: 'excluded',
  expensed: 'expensed',
  none: 'excluded',
};
const SCOPES = { account: 'account', global: 'global' } as const;
const INTENTS = { open: 'open', close: 'close', auto: 'auto' } as const;
const RIGHTS = { C: 'call', P: 'put' } as const;

/**
 * Every state of a vector: `[0]` before, `[n]` after the n-th transaction. `like`: the same by another fee policy, but
 * closing the lots that were closed there, where costs decide which (HIFO, LOFO). Throws `Unsupported`.
 */
export function play(
  vector: Vector,
  feePolicy = vector.fee_policy ?? 'in_basis',
  like?: Played,
): readonly Played[] {
  const rules = rulesOf(vector, feePolicy);
  const told = like === undefined || !BY_COST.has(vector.method) ? NO_CHOICES : choicesLike(like);
  checkWords(vector);
  let state: Played = {
    vector,
    accounts: new Map(),
    instruments: new Map(),
    activities: new Map(),
    error: null,
    done: [],
  };
  const states = [state];
  let before: Instant | null = null;
  for (const transaction of inOrder(vector)) {
    before = nextInstant(before, momentOf(transaction.ts).at);
    try {
      state = step(state, transaction, before, { ...rules, told });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      states.push({ ...state, error: error.reason });
      return states;
    }
    states.push(state);
    // A transaction may be more than one row.
    before = nextInstant(before, before);
  }
  for (const account of state.accounts.values()) checkWhole(account, rules);
  return states;
}

const BY_COST: ReadonlySet<string> = new Set(['HIFO', 'LOFO', 'ZERO_BASIS_FIRST_FIFO']);

/** Lots by the root id of what closed them, as elections. */
type Choices = ReadonlyMap<string, Election>;
const NO_CHOICES: Choices = new Map();

interface PlayRules extends FoldRules {
  readonly told: Choices;
}

function choicesLike({ accounts }: Played): Choices {
  const units = new Map<string, Record<string, string>>();
  for (const { closures } of accounts.values()) {
    for (const { activityRootId: root, lotId, quantity } of closures) {
      if (quantity.isZero() || lotId.startsWith('unknown:')) continue;
      units.set(root, { ...units.get(root), [lotId]: quantity.toString() });
    }
  }
  return new Map(
    [...units].map(([object, details]) => [object, election('lot_choice', 'lots', { object, details })]),
  );
}

/** Words that select behaviour, wherever they stand. Throws `Unsupported`. */
function checkWords({
  scope,
  missing_basis: missing,
  wash_policy: wash,
  split_rounding: rounding,
  transactions,
}: Vector): void {
  oneOf('scope', scope ?? 'account', SCOPES);
  oneOf('missing_basis', missing ?? 'error', MISSING_BASIS);
  oneOf('wash_policy', wash ?? 'bb', WASH_POLICIES);
  oneOf('split_rounding', rounding ?? 'none', SPLIT_ROUNDING);
  for (const { intent, right } of transactions) {
    oneOf('intent', intent ?? 'auto', INTENTS);
    oneOf('right', right ?? 'C', RIGHTS);
  }
}

/** Where each close names its lot the order of the list is none: time is. */
function inOrder({ method, transactions }: Vector): readonly Transaction[] {
  const isNamed = method === 'SPECIFIC' && transactions.every(({ lot }) => lot !== undefined);
  if (!isNamed) return transactions;
  return [...transactions].sort((left, right) =>
    left.ts < right.ts ? -1 : left.ts > right.ts ? 1 : left.i - right.i,
  );
}

function rulesOf(vector: Vector, feePolicy: string): FoldRules {
  const method = oneOf('method', vector.method, METHODS);
  const fees = oneOf('fee_policy', feePolicy, FEE_POLICIES);
  return {
    elections: [election('lot_method', method), election('fee_policy', fees)],
    shortsReported: 'all',
    baseCurrency: vector.fx?.account ?? 'USD',
    conventions: {
      costKey: oneOf('hifo_key', vector.hifo_key ?? 'cost', {
        cost: 'cost',
        price: 'price',
        unit_cost: 'cost',
      } as const),
      feeSharing: oneOf('fee_attribution', vector.fee_attribution ?? 'by_quantity', FEE_SHARING),
      term: oneOf('term_rule', vector.term_rule ?? 'one_year', TERM_RULES),
    },
  };
}

const FEE_SHARING = {
  by_quantity: 'by_quantity',
  pro_rata: 'by_quantity',
  first_piece_takes_all: 'first_piece',
} as const;
const TERM_RULES = { one_year: 'one_year', more_than_one_year: 'one_year', '365_days': '365_days' } as const;

function election(kind: Election['kind'], choice: string, more: Partial<Election> = {}): Election {
  const firstSeenAt = parseInstant('2000-01-01T00:00:00Z');
  return {
    kind,
    object: null,
    choice,
    validFrom: null,
    validTo: null,
    source: 'user',
    details: {},
    firstSeenAt,
    ...more,
  };
}

/** What happens to an instrument happens in every account that is not told apart. */
const OF_ALL_ACCOUNTS: ReadonlySet<string> = new Set(['split', 'rename', 'spin_off', 'merger']);

function step(state: Played, transaction: Transaction, executedAt: Instant, rules: PlayRules): Played {
  const name = nameOf(state.vector, transaction);
  if (name !== '' || !OF_ALL_ACCOUNTS.has(transaction.type) || state.accounts.size === 0)
    return stepIn(name, state, transaction, executedAt, rules);
  const { done } = state;
  const after = [...state.accounts.keys()].reduce(
    (sofar, one) => stepIn(one, sofar, transaction, executedAt, rules),
    state,
  );
  return { ...after, done: [...done, transaction] };
}

function nameOf({ scope }: Vector, { account, account_type: type }: Transaction): string {
  return scope === 'global' ? '' : (account ?? type ?? '');
}

function stepIn(
  name: string,
  state: Played,
  transaction: Transaction,
  executedAt: Instant,
  rules: PlayRules,
): Played {
  const { vector } = state;
  const account = state.accounts.get(name) ?? EMPTY_ACCOUNT;
  const instrument = meant(state, transaction, account);
  const held = (of: Instrument): Decimal => account.book.open.get(of.id)?.quantity ?? Decimal.zero;
  const scene: Scene = { vector, instrument, executedAt, held };
  if (transaction.type === 'transfer') return transfer(state, transaction, scene, name, rules);
  const rows = activitiesOf(transaction, scene);
  const choice = choiceFor(vector, transaction, account, rows[0]);
  const after = fold(account, rows, choice === null ? [] : [choice], rules);
  refuse(vector, transaction, account, after);
  return next(state, transaction, [[name, after]], rows);
}

function next(
  state: Played,
  transaction: Transaction,
  changed: readonly (readonly [string, AccountState])[],
  rows: readonly Activity[],
): Played {
  const instruments = new Map(state.instruments);
  const activities = new Map(state.activities);
  for (const one of rows) {
    activities.set(one.rootId, one);
    if (one.instrument !== null) instruments.set(one.instrument.id, one.instrument);
  }
  const accounts = new Map([...state.accounts, ...changed]);
  return { ...state, accounts, instruments, activities, done: [...state.done, transaction] };
}

/** The instrument of a transaction: its symbol in its currency; of a sale in the currency that is held. */
function meant(state: Played, transaction: Transaction, account: AccountState): Instrument {
  const { vector } = state;
  const { symbol, select, ccy } = transaction;
  const told = ccy ?? select?.ccy ?? vector.fx?.quote;
  if (told !== undefined) return instrumentOf(vector, symbol, told);
  const open = [...openLots(account.book)].map((lot) => state.instruments.get(lot.instrument)!);
  const held = new Map(open.filter((one) => one.symbol === symbol).map((one) => [one.currency, one]));
  if (held.size > 1) throw new Refused('ambiguous');
  return instrumentOf(vector, symbol, [...held.keys()][0] ?? 'USD');
}

function fold(
  account: AccountState,
  rows: readonly Activity[],
  chosen: readonly Election[],
  rules: PlayRules,
): AccountState {
  const told = rows.flatMap(({ rootId }) => rules.told.get(rootId) ?? []);
  const elections = [...account.elections, ...(told.length > 0 ? told : chosen)];
  let { peak } = account;
  const folded = foldBook(account.book, rows, {
    rules: { ...rules, elections: [...rules.elections, ...elections] },
    tellStep: ({ quantity }) => {
      if (quantity.abs().compare(peak) > 0) peak = quantity.abs();
    },
  });
  const closures = new Map(account.closures.map((closure) => [closure.id, closure]));
  for (const closure of folded.closures) closures.set(closure.id, closure);
  const lots = new Map(account.lots);
  for (const lot of folded.lots) lots.set(lot.id, lot);
  // Units beyond the lots that are told open the other side: then not all of them can be of those lots.
  if (folded.refusals[0] !== undefined && told.length === 0) throw new Refused(folded.refusals[0].reason);
  return {
    book: folded.book,
    closures: [...closures.values()],
    lots,
    activities: [...account.activities, ...rows],
    elections,
    peak,
  };
}

/** The engine closed units of which it knows no lot: an error where the vector wants lots for all. */
function refuse(vector: Vector, transaction: Transaction, before: AccountState, after: AccountState): void {
  const policy = oneOf('missing_basis', vector.missing_basis ?? 'error', MISSING_BASIS);
  if (policy !== 'error') return;
  const isNew = ({ lotId, id }: LotClosure): boolean =>
    lotId.startsWith('unknown:') && !before.closures.some((closure) => closure.id === id);
  if (transaction.intent === 'close' && after.closures.some(isNew)) throw new Refused('insufficient_lots');
}

/** What a close of units without a known lot costs. */
export const MISSING_BASIS = {
  error: 'error',
  zero_basis_and_warn: 'zero',
  zero_basis: 'zero',
  zero: 'zero',
  zero_gain_basis: 'zero_gain',
  zero_gain: 'zero_gain',
  unknown: 'unknown',
} as const;

// ---- choosing lots ------------------------------------------------------------------------------------------------

/** The election that names the lots of a close, where the vector does. Throws `Refused`. */
function choiceFor(
  vector: Vector,
  transaction: Transaction,
  account: AccountState,
  close: Activity | undefined,
): Election | null {
  const { select, type } = transaction;
  const isTrade = type === 'sell' || type === 'buy';
  if (close?.instrument == null || !isTrade || close.details['intent'] === 'open') return null;
  const direction = close.quantity.sign() < 0 ? 'long' : 'short';
  const open = [...openLots(account.book, close.instrument.id)].filter((lot) => lot.direction === direction);
  if (open.length === 0 && transaction.intent !== 'close' && select === undefined) return null;
  const strictness = STRICTNESS[vector.method] ?? 'in_order';
  const named = vector.method === 'SPECIFIC' ? transaction.lot : undefined;
  if (select === undefined && named === undefined && strictness === 'in_order') return null;
  const wish = wishOf(vector, select ?? {}, named);
  const chosen = chooseLots(ordered(open, vector.method), close.quantity.abs(), wish, strictness);
  if ('refused' in chosen) throw new Refused(chosen.refused);
  const details = Object.fromEntries([...chosen.lots].map(([id, units]) => [id, units.toString()]));
  return election('lot_choice', 'lots', { object: close.rootId, details });
}

const STRICTNESS: Readonly<Record<string, Strictness>> = {
  STRICT: 'strict',
  STRICT_WITH_SIZE: 'strict_with_size',
};

function wishOf(
  { transactions }: Vector,
  select: NonNullable<Transaction['select']>,
  named?: string,
): LotWish {
  const lotsWith = (matches: (transaction: Transaction) => boolean): ReadonlySet<LotId> =>
    new Set(transactions.filter(matches).map(rootOf));
  return {
    ...(select.cost === undefined ? {} : { unitCost: number(select.cost) }),
    ...(select.date === undefined ? {} : { acquiredDate: parseTradeDate(select.date) }),
    ...(select.label === undefined ? {} : { lotIds: lotsWith(({ label }) => label === select.label) }),
    ...(named === undefined ? {} : { lotIds: lotsWith(({ lot, type }) => lot === named && type !== 'sell') }),
  };
}

/** Openers come in the order of FIFO; among chosen lots the vector's own method decides. */
function ordered(lots: readonly Lot[], method: string): readonly Lot[] {
  if (method === 'LIFO') return lots.toReversed();
  if (method !== 'HIFO' && method !== 'LOFO') return lots;
  const sign = method === 'HIFO' ? -1 : 1;
  return lots.toSorted((left, right) => {
    const [leftCost, rightCost] = [left.openCost ?? Decimal.zero, right.openCost ?? Decimal.zero];
    return sign * leftCost.times(right.openQuantity).compare(rightCost.times(left.openQuantity));
  });
}

// ---- transfers ----------------------------------------------------------------------------------------------------

/** Between own accounts lots keep cost and dates: each piece that leaves one account enters the other. */
function transfer(
  state: Played,
  transaction: Transaction,
  scene: Scene,
  from: string,
  rules: PlayRules,
): Played {
  const to = transaction.to ?? '';
  if (state.vector.scope === 'global' || to === from) return next(state, transaction, [], []);
  const giver = state.accounts.get(from) ?? EMPTY_ACCOUNT;
  const out = row('security_transfer', transaction, scene, { quantity: number(transaction.qty).negate() });
  const choice = choiceFor(state.vector, { ...transaction, type: 'sell' }, giver, out);
  const left = fold(giver, [out], choice === null ? [] : [choice], rules);
  refuse(state.vector, { ...transaction, intent: 'close' }, giver, left);
  const pieces = left.closures.filter((closure) => closure.activityRootId === out.rootId);
  const entering = pieces.map((piece): Activity => {
    const { acquiredDate, acquiredAt } = left.lots.get(piece.lotId)!;
    const details = stamped(acquiredDate, acquiredAt);
    if (piece.cost !== null) details['basis'] = piece.cost.toString();
    if (!piece.rolled.isZero()) details['rolled'] = piece.rolled.negate().toString();
    const moved = row('security_transfer', transaction, scene, { quantity: piece.quantity, details });
    return { ...moved, rootId: `${out.rootId}>${piece.lotId}` };
  });
  const taker = fold(state.accounts.get(to) ?? EMPTY_ACCOUNT, entering, [], rules);
  return next(
    state,
    transaction,
    [
      [from, left],
      [to, taker],
    ],
    [out, ...entering],
  );
}

// ---- one fold -----------------------------------------------------------------------------------------------------

/** The same book must come of all rows at once. */
function checkWhole({ book, activities, elections }: AccountState, rules: FoldRules): void {
  const whole = foldBook(EMPTY_BOOK, activities, {
    rules: { ...rules, elections: [...rules.elections, ...elections] },
  });
  if (printBook(whole.book) !== printBook(book)) throw new Error('folded at once it is another book');
}
