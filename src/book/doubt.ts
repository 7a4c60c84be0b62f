/**
 * Doubt: an event after which nobody can say for sure what a lot costs (a spin-off of which nobody says how the cost
 * divides, cash beside shares of unknown value, a split without terms). A person's word on such a lot
 * (`truebook basis`) counts from that event on: what happened to the lot before it was known and stays.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Election } from '../domain/election.ts';
import { type LotFold, touch } from './lotFold.ts';
import { type OpenLot } from './openLot.ts';
import { readAcquired } from './openLots.ts';
import { basisKey } from './rules.ts';

/** Total cost of the open part as it stands after the event, where a person stated it. */
export function statedAfter(fold: LotFold, lot: OpenLot, { rootId }: Activity): Decimal | null {
  return costOf(fold.choices.bases.get(basisKey(lot.id, rootId)));
}

/** Marks a lot: its cost is an estimate from now on, or unknown, unless a person stated it. */
export function doubt(fold: LotFold, lot: OpenLot, activity: Activity): void {
  touch(fold, lot);
  lot.estimated = true;
  lot.doubtedBy = activity.rootId;
  if (lot.costSource !== 'unknown') lot.costSource = 'estimated';
  const election = fold.choices.bases.get(basisKey(lot.id, activity.rootId));
  const cost = costOf(election);
  if (election === undefined || cost === null) return;
  lot.openCost = lot.unitCost = lot.paid = cost;
  lot.unitQuantity = lot.openQuantity;
  lot.openCostBase = lot.currency === fold.choices.rules.baseCurrency ? cost : null;
  lot.costSource = 'user';
  lot.estimated = false;
  // A lot that has its day keeps it: the event did not change it.
  const acquired = lot.dated ? null : readAcquired(election.details);
  if (acquired === null) return;
  lot.acquiredDate = lot.holdingFrom = acquired.date;
  lot.dated = true;
}

function costOf(election: Election | undefined): Decimal | null {
  return election === undefined ? null : Decimal.tryParse(election.choice);
}
