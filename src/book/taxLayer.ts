/** The tax layer of a close: with the premium of an exercised or assigned option where the law puts it (IRS Pub. 550). */
import { Decimal } from '../domain/decimal.ts';
import { type LotClosure } from '../domain/lot.ts';

export interface TaxFigures {
  /** Null where the economic figure is. */
  readonly cost: Decimal | null;
  readonly proceeds: Decimal | null;
  /** Proceeds less cost; zero for a transfer, which carries the premium along with the cost. */
  readonly realized: Decimal | null;
}

/**
 * Cost, proceeds and result of a close for tax, before wash sales. Of a row that does not say where its premium stands,
 * only the result is sure: all of it is then put into the cost of a long lot, the proceeds of a short one.
 */
export function taxFigures(row: LotClosure): TaxFigures {
  const { rolled, cost, proceeds, realized } = row;
  if (row.kind === 'transfer_out') return { cost, proceeds, realized };
  if (rolled.isZero()) return { cost, proceeds, realized };
  const inProceeds = row.rolledProceeds ?? (row.direction === 'long' ? Decimal.zero : rolled);
  return {
    cost: cost?.minus(rolled.minus(inProceeds)) ?? null,
    proceeds: proceeds?.plus(inProceeds) ?? null,
    realized: realized?.plus(rolled) ?? null,
  };
}
