/** Small pieces of records: text of decimals, order of names, names of accounts. */
import { type Decimal } from '../../domain/decimal.ts';
import { type Store } from '../../store/store.ts';

export function text(value: Decimal | null): string | null {
  return value === null ? null : value.toString();
}

export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export async function accountNames(store: Store): Promise<ReadonlyMap<number, string>> {
  return new Map((await store.accounts()).map((account) => [account.id, account.name]));
}
