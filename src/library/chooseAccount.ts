/** Which account a program means by its name, its id, or `paper` and `live`. Pure. */
import { type AccountEnv } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { type AgentAccount } from '../sync/agent.ts';

/** An account by name or id, or the one account of an env. */
export interface WhichAccount {
  readonly account?: string;
  readonly env?: AccountEnv;
}

/** Accounts of the settings that are meant: the one that is named, or all where nothing is. Throws `usage`, `config`. */
export function chooseAccounts(all: readonly AgentAccount[], which: WhichAccount): readonly AgentAccount[] {
  if (all.length === 0) {
    throw new TruebookError('usage', 'There is no account to sync.', {
      hint: 'Set ALPACA_API_KEY and ALPACA_SECRET_KEY, or add a connection to truebook.yaml; `truebook doctor` checks it.',
    });
  }
  return which.account === undefined && which.env === undefined ? all : [chooseAccount(all, which)];
}

/** The one account that is meant; without a name, the only one there is. Throws `usage`, `config`, `unknown_account`. */
export function chooseAccount(all: readonly AgentAccount[], { account, env }: WhichAccount): AgentAccount {
  const fits = all.filter(
    (entry) =>
      (account === undefined || entry.account.name === account || String(entry.account.id) === account) &&
      (env === undefined || entry.account.env === env),
  );
  const [only, ...others] = fits;
  if (only !== undefined && others.length === 0) return only;
  const names = (entries: readonly AgentAccount[]): string =>
    entries.map((entry) => entry.account.name).join(', ');
  const asked = account !== undefined ? `named "${account.slice(0, 60)}"` : `of env ${env ?? 'any'}`;
  const known = all.length === 0 ? 'No account is configured.' : `Configured: ${names(all)}.`;
  if (only === undefined) {
    const code = account !== undefined ? 'unknown_account' : 'config';
    throw new TruebookError(code, `There is no configured account ${asked}.`, { hint: known });
  }
  throw new TruebookError('config', `Several accounts are meant: ${names(fits)}.`, {
    hint: "Say which one: { account: 'NAME' }.",
  });
}
