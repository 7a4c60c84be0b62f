/** Which account a program means by its name, its id, or `paper` and `live`. Pure. */
import { nearestName } from '../config/nearest.ts';
import { type AccountEnv } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { type AgentAccount } from '../sync/agent.ts';

/** An account by name or id, or the one account of an env. */
export interface WhichAccount {
  readonly account?: string | number;
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
export function chooseAccount(all: readonly AgentAccount[], which: WhichAccount): AgentAccount {
  const { env } = which;
  const account = which.account === undefined ? undefined : String(which.account);
  const named = all.filter(
    (entry) =>
      account === undefined || entry.account.name === account || String(entry.account.id) === account,
  );
  const fits = named.filter((entry) => env === undefined || entry.account.env === env);
  const [only, ...others] = fits;
  if (only !== undefined && others.length === 0) return only;
  const names = (entries: readonly AgentAccount[]): string =>
    entries.map((entry) => entry.account.name).join(', ');
  const asked = account !== undefined ? `named "${account.slice(0, 60)}"` : `of env ${env ?? 'any'}`;
  const known = all.length === 0 ? 'No account is configured.' : `Configured: ${names(all)}.`;
  const [other] = named;
  if (only === undefined && account !== undefined && other !== undefined) {
    throw new TruebookError('usage', `${other.account.name} is a ${other.account.env} account, not ${env}.`, {
      hint: 'Name the account or its env; both only where they agree.',
    });
  }
  if (only === undefined) {
    const nearest =
      account === undefined
        ? null
        : nearestName(
            account.slice(0, 60),
            all.map((entry) => entry.account.name),
          );
    const code = account !== undefined ? 'unknown_account' : 'config';
    throw new TruebookError(code, `There is no configured account ${asked}.`, {
      hint: nearest === null ? known : `Did you mean ${nearest}? ${known}`,
    });
  }
  throw new TruebookError('config', `Several accounts are meant: ${names(fits)}.`, {
    hint: "Say which one: { account: 'NAME' }.",
  });
}
