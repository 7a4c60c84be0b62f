/** Account records. */
import { type Account } from '../../domain/account.ts';
import { accountTypeOn } from '../../domain/election.ts';
import { newYorkDate, now } from '../../domain/time.ts';
import { type RecordContext } from './context.ts';

export interface AccountRecord {
  readonly account: string;
  readonly accountId: number;
  readonly broker: string;
  readonly env: string;
  readonly epoch: number;
  readonly currency: string;
  readonly pinned: boolean;
  /** How it is taxed today, as somebody said (`taxable`, `ira`, `roth_ira`, `other`); null = nobody did: counted as taxable. */
  readonly type: string | null;
  readonly createdAt: string;
}

export async function accountRecords(context: RecordContext): Promise<readonly AccountRecord[]> {
  const { store, clock } = context;
  const types = await store.accountTypes();
  const today = newYorkDate(now(clock));
  const typeOf = async ({ id }: Account) =>
    accountTypeOn(await store.elections(id), today) ?? types.get(id) ?? null;
  const accounts = await store.accounts();
  const elected = await Promise.all(accounts.map(typeOf));
  return accounts.map((account, index) => ({
    account: account.name,
    accountId: account.id,
    broker: account.broker,
    env: account.env,
    epoch: account.epoch,
    currency: account.baseCurrency,
    pinned: account.pinnedFingerprint !== null,
    type: elected[index] ?? null,
    createdAt: account.createdAt,
  }));
}
