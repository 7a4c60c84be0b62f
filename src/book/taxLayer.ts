/** The tax layer of a close: with the premium of an exercised or assigned option where the law puts it (IRS Pub. 550). */
import { Decimal } from '../domain/decimal.ts';
import { type LotClosure } from '../domain/lot.ts';

export interface TaxFigures {
  /** Null where the economic figure is, and where nobody says on which side the premium stands. */
  readonly cost: Decimal | null;
  /** Null likewise. */
  readonly proceeds: Decimal | null;
  /** Proceeds less cost; zero for a transfer, which carries the premium along with the cost. Null where unknown. */
  readonly realized: Decimal | null;
}

/** What of a close its tax layer is made of. */
export type TaxedClose = Pick<
  LotClosure,
  'kind' | 'cost' | 'proceeds' | 'realized' | 'rolled' | 'rolledProceeds'
>;

/**
 * Cost, proceeds and result of a close for tax, before wash sales. Of a row that does not say where its premium stands,
 * the result is known all the same, cost and proceeds are not: also where nothing is left of `rolled`, because a premium
 * in the cost and one in the proceeds may have cancelled out.
 */
export function taxFigures(row: TaxedClose): TaxFigures {
  const { rolled, rolledProceeds: inProceeds, cost, proceeds, realized } = row;
  if (row.kind === 'transfer_out') return { cost, proceeds, realized };
  const taxed = realized?.plus(rolled) ?? null;
  if (inProceeds === undefined) return { cost: null, proceeds: null, realized: taxed };
  if (rolled.isZero() && inProceeds.isZero()) return { cost, proceeds, realized };
  return {
    cost: cost?.minus(rolled.minus(inProceeds)) ?? null,
    proceeds: proceeds?.plus(inProceeds) ?? null,
    realized: taxed,
  };
}

/**
 * For who needs the result alone, which is the same wherever the premium stands: a row that does not say has all of it
 * in the cost of a long lot, in the proceeds of a short one. Cost and proceeds of such a row are not for showing.
 */
export function onAnySide(row: LotClosure): LotClosure {
  if (row.rolledProceeds !== undefined) return row;
  return { ...row, rolledProceeds: row.direction === 'long' ? Decimal.zero : row.rolled };
}
