/** How fresh the data of every account is, as its records show it. */
import { type Account } from '../../domain/account.ts';
import { type Instant } from '../../domain/time.ts';
import { type FreshnessRow, type RunRecord } from '../../store/store.ts';
import { freshness, type ClockReading, type Freshness } from '../freshness.ts';
import { type AccountScope, type RecordContext } from './context.ts';

export interface AccountFreshness {
  readonly account: Account;
  readonly freshness: Freshness;
  readonly newestRun: RunRecord | null;
  readonly positionsAsOf: Instant | null;
}

export async function accountFreshness(
  context: RecordContext,
  scope: AccountScope,
  needs: readonly FreshnessRow['dataClass'][],
): Promise<ReadonlyMap<number, AccountFreshness>> {
  const { store, clock } = context;
  const reading: ClockReading = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), monoEpoch: clock.epoch };
  const owners = new Map<number, AccountFreshness>();
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account]) {
    const rows = await store.freshness(account.id);
    const newestRun = await store.lastRun(account.id);
    owners.set(account.id, {
      account,
      newestRun,
      positionsAsOf: rows.find((row) => row.dataClass === 'positions')?.asOf ?? null,
      freshness: freshness({
        rows,
        newestRun,
        needs,
        maxAgeSeconds: context.maxAgeSeconds(account),
        clock: reading,
      }),
    });
  }
  return owners;
}

/** The part of a record that says how old its data is. */
export interface FreshFields {
  readonly asOf: string | null;
  readonly fetchedAt: string | null;
  readonly age: number | null;
  readonly fresh: boolean;
  readonly why: string | null;
}

export function freshFields(state: Freshness): FreshFields {
  return { asOf: state.asOf, fetchedAt: state.fetchedAt, age: state.age, fresh: state.fresh, why: state.why };
}
