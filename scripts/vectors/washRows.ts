/** The wash layer over the books of a played vector. */
import {
  ACCOUNT_WASH,
  TAXPAYER_WASH,
  type WashPiece,
  type WashPolicy,
  type WashResult,
  washSales,
} from '../../src/book/wash.ts';
import { rowsOfBook } from '../../src/book/wash/ofBook.ts';
import { oneOf } from './format.ts';
import { symbolOf, transactionOf } from './figures.ts';
import { type Played } from './play.ts';
import { SPLIT_ROUNDING, WASH_POLICIES } from './washPolicies.ts';

export function washOf(played: Played): WashResult {
  const policy = policyOf(played);
  const names = [...played.accounts.keys()];
  const books = names.map((name, index) => {
    const state = played.accounts.get(name)!;
    return {
      accountId: index + 1,
      accountType: isIra(played, name) ? ('ira' as const) : ('taxable' as const),
      lots: [...state.lots.values()],
      closures: state.closures,
      instruments: played.instruments,
      activityOf: (rootId: string) => played.activities.get(rootId) ?? null,
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
  return washSales(acquisitions, rows.closes, policy);
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
