/** The wash layer over the books of a played vector. */
import {
  ACCOUNT_WASH,
  TAXPAYER_WASH,
  type WashPiece,
  type WashPolicy,
  type WashResult,
  washSales,
} from '../../src/book/wash.ts';
import { type Decimal } from '../../src/domain/decimal.ts';
import { type InstrumentId } from '../../src/domain/instrument.ts';
import { type Instant } from '../../src/domain/time.ts';
import { rowsOfBook, type UnitChange } from '../../src/book/wash/ofBook.ts';
import { oneOf } from './format.ts';
import { symbolOf, transactionOf } from './figures.ts';
import { type Played } from './play.ts';
import { instrumentOf, momentOf, number, rootOf } from './translate.ts';
import { SPLIT_ROUNDING, WASH_POLICIES } from './washPolicies.ts';

export function washOf(played: Played): WashResult {
  const policy = policyOf(played);
  const names = [...played.accounts.keys()];
  const currentOf = renamed(played);
  const splits = splitsOf(played, currentOf);
  const books = names.map((name, index) => {
    const state = played.accounts.get(name)!;
    return {
      accountId: index + 1,
      accountType: isIra(played, name) ? ('ira' as const) : ('taxable' as const),
      lots: [...state.lots.values()],
      closures: state.closures,
      instruments: played.instruments,
      activityOf: (rootId: string) => played.activities.get(rootId) ?? null,
      currentOf,
      splits,
    };
  });
  const rows = rowsOfBook(books, policy);
  const acquisitions = rows.acquisitions.map((acquisition) => {
    const state = played.accounts.get(names[(acquisition.accountId ?? 1) - 1]!)!;
    const opening = transactionOf(played, state.lots.get(acquisition.lotId)!.activityRootId);
    return {
      ...acquisition,
      // Vectors tell days: who came first within one is told by the list alone.
      seq: opening?.i ?? 0,
      formPosition: opening?.form_position ?? '',
      alreadyUsed: opening?.already_used_as_replacement ?? false,
    };
  });
  const closes = rows.closes.map((close) => {
    const state = played.accounts.get(names[(close.accountId ?? 1) - 1]!)!;
    const row = state.closures.find(({ id }) => id === close.closureId)!;
    const closing = transactionOf(played, row.activityRootId);
    // Sales of one day are of one moment, too: then acquisition decides, not the list.
    return closing === undefined ? close : { ...close, closedAt: momentOf(closing.ts).at };
  });
  return washSales(acquisitions, closes, policy);
}

type CurrentOf = (instrument: InstrumentId) => InstrumentId;

/** The last name of what was renamed, also while none of it was held. */
function renamed({ vector, done, instruments }: Played): CurrentOf {
  const names = new Map<InstrumentId, InstrumentId>();
  const currencies = new Set([...instruments.values()].map(({ currency }) => currency));
  for (const { type, symbol, to_symbol: target } of done) {
    if (type !== 'rename' || target === undefined) continue;
    for (const currency of currencies) {
      const into = instrumentOf(vector, target, currency).id;
      if (instruments.has(into)) names.set(instrumentOf(vector, symbol, currency).id, into);
    }
  }
  return (instrument) => {
    let current = instrument;
    const seen = new Set<InstrumentId>();
    while (names.has(current) && !seen.has(current)) {
      seen.add(current);
      current = names.get(current)!;
    }
    return current;
  };
}

/** Splits, also those while none of it was held: then units of before and after still meet in the 61 days. */
function splitsOf(
  { done, instruments, activities }: Played,
  currentOf: CurrentOf,
): ReadonlyMap<InstrumentId, readonly UnitChange[]> {
  const splits = new Map<InstrumentId, UnitChange[]>();
  for (const transaction of done) {
    if (transaction.type !== 'split') continue;
    const rowAt = activities.get(`${rootOf(transaction)}+`)?.executedAt;
    const at = rowAt ?? momentOf(transaction.ts).at;
    const change = wholeTerms(number(transaction.ratio_old), number(transaction.ratio_new), at);
    const own = [...instruments.values()].filter(({ symbol }) => symbol === transaction.symbol);
    for (const id of new Set(own.map((one) => currentOf(one.id))))
      splits.set(id, [...(splits.get(id) ?? []), change]);
  }
  return splits;
}

/** `1 : 0.5` is `2 : 1`. */
function wholeTerms(from: Decimal, to: Decimal, at: Instant): UnitChange {
  const digits = [from, to].map((term) => (term.toString().split('.')[1] ?? '').length);
  const factor = number(`1e${Math.max(...digits)}`);
  return { at, from: from.times(factor), to: to.times(factor) };
}

/** What a piece is of. */
export function symbolOfPiece(played: Played, { accountId, lotId }: WashPiece): string {
  const state = [...played.accounts.values()][(accountId ?? 1) - 1]!;
  return symbolOf(played, state.lots.get(lotId)!);
}

function isIra({ done }: Played, name: string): boolean {
  const own = done.filter(({ account, account_type: type }) => (account ?? type ?? '') === name);
  return own.some(({ account_type: type }) => type === 'ira');
}

function policyOf({ vector }: Played): WashPolicy {
  const scope = vector.scope === 'account' ? ACCOUNT_WASH : TAXPAYER_WASH;
  const peer = oneOf('wash_policy', vector.wash_policy ?? 'bb', WASH_POLICIES);
  const splitRounding = oneOf('split_rounding', vector.split_rounding ?? 'none', SPLIT_ROUNDING);
  return { ...scope, ...peer, splitRounding };
}
