/** What a run saw besides its differences, for explaining them. Pure. */
import { type OrderProgress } from '../../domain/snapshot.ts';
import { type Activity } from '../../domain/activity.ts';
import { type SyncState } from '../../store/store.ts';
import { type Look } from '../readBroker.ts';
import { type Witnesses } from './claim.ts';

export function witnessesOf(
  state: SyncState,
  look: Look,
  orders: readonly OrderProgress[] | null,
  isManualOrder: (orderId: string) => boolean | null,
): Witnesses {
  return {
    positions: new Map(look.positions.rows.map((row) => [row.instrument.id, row])),
    before: new Map(state.observations.map((row) => [row.instrument, row])),
    cashBefore: new Map(
      state.balances.flatMap(({ currency, cash }) => (cash === null ? [] : [[currency, cash]])),
    ),
    listed: look.activities.rows as readonly Activity[],
    listedAfter: look.windowAfter,
    orders,
    isManualOrder,
    asOf: look.positions.asOf,
    lastLookAt: state.freshness.find((row) => row.dataClass === 'positions')?.asOf ?? null,
    firstContactDone: state.cursors.some((row) => row.name === 'first_contact'),
  };
}
