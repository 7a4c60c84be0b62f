/**
 * Wash sales: a layer of its own over lots and closes, which it never changes (26 U.S.C. 1091; 26 CFR 1.1091-1, -2;
 * IRS Publication 550; Rev. Rul. 2008-5).
 *
 * A loss does not count to the extent the same security was acquired in the 61 days from 30 before to 30 after the
 * sale, both ends included. It is put off into the replacement: `tax basis = cost + rolled + washIn`, and the days the
 * lost units were held are added to those of the replacement.
 *
 * The order is the regulation's: losses by the time of sale, those of one moment by acquisition (b); replacements by
 * acquisition (c, d); share by share, each share once (e). Lots of the order that bought the lost units replace nothing
 * (Rev. Rul. 56-602), nor do shares that went in the same sale. Not covered: a spouse's accounts, securities that are substantially identical without being the
 * same (funds on one index), a loss on a cover replaced by a sale of shares held (section 1091(e)(1)), the purchase that
 * covers a short as a replacement of a loss on shares.
 */
import { groupsOf } from './wash/groups.ts';
import { washGroup } from './wash/matching.ts';
import { rowsOfBook, type WashBook, type WashRows } from './wash/ofBook.ts';
import { accountsOf, piecesOf } from './wash/report.ts';
import {
  type WashAcquisition,
  type WashClose,
  type WashDeferral,
  type WashPiece,
  type WashPolicy,
  type WashResult,
  type WashUnknown,
} from './wash/terms.ts';

export {
  rowsOfBook,
  type UnitChange,
  type WashActivity,
  type WashBook,
  type WashRows,
  washSecurity,
} from './wash/ofBook.ts';
export { washGroupKey } from './wash/groups.ts';

export {
  type AccountId,
  type AccountWash,
  type ClosureWash,
  type LotWash,
  type TaxAccountType,
  type WashAcquisition,
  type WashClose,
  type WashDeferral,
  type WashDisposal,
  type WashDoubt,
  type WashPiece,
  type WashPolicy,
  type WashResult,
  type WashUnknown,
} from './wash/terms.ts';

/** The regulation, within one account: what a broker's 1099-B shows (same account, same security). */
export const ACCOUNT_WASH: WashPolicy = {
  scope: 'account',
  identical: 'same_contract',
  replacementSoldBefore: 'not_eligible',
  sameMoment: 'in_turn',
  ancestors: 'eligible',
  splitRounding: 'exact',
  restOfCut: 'in_place',
  crypto: 'off',
};

/** The regulation over all accounts of a person, calls included: what the tax return wants. */
export const TAXPAYER_WASH: WashPolicy = { ...ACCOUNT_WASH, scope: 'taxpayer', identical: 'option_on_stock' };

/**
 * Puts losses off. A pure function of its rows: their order does not matter. Rows under keys that nothing links
 * (`washGroupKey`) can be worked out apart and in any order, so only touched securities need it again.
 *
 * Throws `internal` where a close names no lot.
 */
export function washSales(
  acquisitions: readonly WashAcquisition[],
  closes: readonly WashClose[],
  policy: WashPolicy = ACCOUNT_WASH,
): WashResult {
  return washRows({ acquisitions, closes, unknown: [] }, policy);
}

function washRows(rows: WashRows, policy: WashPolicy): WashResult {
  const adjustments: WashDeferral[] = [];
  const unknown = [...rows.unknown];
  const groups = groupsOf(rows.acquisitions, rows.closes, policy);
  for (const group of groups) washGroup(group, adjustments, unknown);
  let pieces: readonly WashPiece[] | null = null;
  let accounts: WashResult['accounts'] | null = null;
  return {
    adjustments,
    get pieces() {
      pieces ??= groups.flatMap(piecesOf);
      return pieces;
    },
    get accounts() {
      accounts ??= accountsOf(groups);
      return accounts;
    },
    unknown: withoutRepeats(unknown),
  };
}

/**
 * The wash layer over books as the fold keeps them: of one account in scope `account`, of all accounts of a person in
 * scope `taxpayer`. Lots and closures may be a selection, as long as all of a `washSecurity` are in it.
 */
export function washOfBook(books: readonly WashBook[], policy: WashPolicy = ACCOUNT_WASH): WashResult {
  return washRows(rowsOfBook(books, policy), policy);
}

function withoutRepeats(unknown: readonly WashUnknown[]): WashUnknown[] {
  const keyOf = (doubt: WashUnknown): string => JSON.stringify(Object.values(doubt));
  return [...new Map(unknown.map((doubt) => [keyOf(doubt), doubt])).values()];
}
