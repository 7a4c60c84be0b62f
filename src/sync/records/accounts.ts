/** Account records. */
import { type RecordContext } from './context.ts';

export interface AccountRecord {
  readonly account: string;
  readonly accountId: number;
  readonly broker: string;
  readonly env: string;
  readonly epoch: number;
  readonly currency: string;
  readonly pinned: boolean;
  /** How it is taxed, as somebody said (`taxable`, `ira`, `roth_ira`, `other`); null = nobody did: counted as taxable. */
  readonly type: string | null;
  readonly createdAt: string;
}

export async function accountRecords(context: RecordContext): Promise<readonly AccountRecord[]> {
  const types = await context.store.accountTypes();
  return (await context.store.accounts()).map((account) => ({
    account: account.name,
    accountId: account.id,
    broker: account.broker,
    env: account.env,
    epoch: account.epoch,
    currency: account.baseCurrency,
    pinned: account.pinnedFingerprint !== null,
    type: types.get(account.id) ?? null,
    createdAt: account.createdAt,
  }));
}
