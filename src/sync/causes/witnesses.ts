/** What a run saw besides its differences, for explaining them. Pure. */
import { Decimal } from '../../domain/decimal.ts';
import { type OrderProgress, type SnapshotBalance, type SnapshotPosition } from '../../domain/snapshot.ts';
import { type Activity } from '../../domain/activity.ts';
import { type SyncState } from '../../store/store.ts';
import { type Look } from '../readBroker.ts';
import { type TotalsGap, type Witnesses } from './claim.ts';

export function witnessesOf(
  state: SyncState,
  look: Look,
  orders: readonly OrderProgress[] | null,
  isManualOrder: (orderId: string) => boolean | null,
): Witnesses {
  const contact = state.cursors.find((row) => row.name === 'first_contact');
  return {
    positions: new Map(look.positions.rows.map((row) => [row.instrument.id, row])),
    before: new Map(state.observations.map((row) => [row.instrument, row])),
    marks: new Map(state.marks.map((row) => [row.instrument, row.mark])),
    cashBefore: new Map(
      state.balances.flatMap(({ currency, cash }) => (cash === null ? [] : [[currency, cash]])),
    ),
    listed: look.activities.rows as readonly Activity[],
    listedAfter: look.windowAfter,
    orders,
    isManualOrder,
    totals: totalsGap(look.positions.rows, look.balances.rows.balances),
    firstContactAt: contact?.updatedAt ?? null,
    asOf: look.positions.asOf,
    lastLookAt: state.freshness.find((row) => row.dataClass === 'positions')?.asOf ?? null,
    firstContactDone: contact !== undefined,
  };
}

/** Share of the gross market value by which marks may move between two calls of one run. */
const NOISE = Decimal.ofScaled(1, 3);

/** The account's net market value less that of the list of positions; null where a figure of either is missing. */
export function totalsGap(
  positions: readonly SnapshotPosition[],
  balances: readonly SnapshotBalance[],
): TotalsGap | null {
  const [only] = balances;
  if (balances.length !== 1 || only?.longMarketValue == null || only.shortMarketValue === null) return null;
  if (positions.some((row) => row.marketValue === null)) return null;
  const values = positions.map((row) => row.marketValue!);
  const gross = only.longMarketValue.plus(only.shortMarketValue.abs());
  return {
    gap: only.longMarketValue.plus(only.shortMarketValue).minus(Decimal.sum(values)),
    noise: gross.times(NOISE),
  };
}
