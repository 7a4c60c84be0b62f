/**
 * Whether the lists that seldom change may have news. From a moment at which everything added up, the changes of cash and of
 * quantities must be those of the activities since; where they are not, something happened that only a slow list can tell:
 * a dividend, a deposit, an expiry, a split. Pure.
 */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type InstrumentId } from '../../domain/instrument.ts';
import { compareInstants, type Instant } from '../../domain/time.ts';

/** Cash and positions as the newest reads gave them. */
export interface Figures {
  readonly cash: Decimal | null;
  readonly quantities: ReadonlyMap<InstrumentId, Decimal>;
}

export interface Anchor {
  readonly figures: Figures;
  /** Identities that were told by then. */
  readonly ids: ReadonlySet<string>;
  /** From when on trades were asked for: an older one that is told later is not new. */
  readonly since: Instant;
  readonly monoMs: number;
}

/** Cash in whole cents may lie this far from exact amounts. */
const HALF_CENT = Decimal.parse('0.005');

/** Whether what is new in `rows` turns the anchor's figures into these. Cash nobody states explains nothing. */
export function explains(anchor: Anchor, figures: Figures, rows: readonly Activity[]): boolean {
  if (anchor.figures.cash === null || figures.cash === null) return false;
  const fresh = rows.filter((row) => row.status === 'ok' && isNew(row, anchor));
  let cash = anchor.figures.cash;
  const quantities = new Map(anchor.figures.quantities);
  for (const { amount, fees, instrument, quantity } of fresh) {
    if (amount === null) return false;
    cash = cash.plus(amount).minus(fees ?? Decimal.zero);
    if (instrument === null) continue;
    quantities.set(instrument.id, (quantities.get(instrument.id) ?? Decimal.zero).plus(quantity));
  }
  if (cash.minus(figures.cash).abs().compare(HALF_CENT) > 0) return false;
  return [...new Set([...quantities.keys(), ...figures.quantities.keys()])].every((id) =>
    (quantities.get(id) ?? Decimal.zero).equals(figures.quantities.get(id) ?? Decimal.zero),
  );
}

function isNew(row: Activity, anchor: Anchor): boolean {
  if (anchor.ids.has(row.rootId)) return false;
  return row.kind !== 'fill' || compareInstants(row.executedAt, anchor.since) >= 0;
}
