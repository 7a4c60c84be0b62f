/** The ledger's rows behind trades and activity: those of the current epoch unless all are asked for. */
import { type LedgerRow, type Store } from '../../store/store.ts';
import { type LedgerScope } from './context.ts';

/** Newest first; `kinds` narrows. */
export async function ledgerRows(
  store: Store,
  scope: LedgerScope,
  kinds?: readonly string[],
): Promise<readonly LedgerRow[]> {
  const accounts = scope.account === undefined ? await store.accounts() : [scope.account];
  const epochs = new Map(accounts.map((account) => [account.id, account.epoch]));
  const current = (row: LedgerRow): boolean =>
    scope.allEpochs === true || epochs.get(row.accountId) === row.epoch;
  // A bound in the question would count rows of older epochs too, so it is used only where there can be none.
  const bounded = scope.allEpochs === true || accounts.every((account) => account.epoch === FIRST_EPOCH);
  const rows = await store.ledger({
    ...(scope.account === undefined ? {} : { accountId: scope.account.id }),
    ...(kinds === undefined ? {} : { kinds }),
    ...(scope.since === undefined ? {} : { since: scope.since }),
    ...(scope.limit === undefined || !bounded ? {} : { limit: scope.limit }),
  });
  return rows.filter(current).slice(0, scope.limit);
}

/** Accounts begin with it; `accounts new-epoch` adds one. */
const FIRST_EPOCH = 1;
