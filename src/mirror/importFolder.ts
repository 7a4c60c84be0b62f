/** What the folder of an older bot holds for one account: its bankroll and its trade histories, copies we kept included. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Account } from '../domain/account.ts';
import { type Decimal } from '../domain/decimal.ts';
import { errorText, isTruebookError, TruebookError } from '../domain/errors.ts';
import { readForeignBankroll } from './bankrollFile.ts';
import { isMissing, textOf } from './files.ts';
import { readForeignTrades, type ForeignTrades } from './foreignTrades.ts';
import { mirrorNames } from './names.ts';

export interface FoundFiles {
  /** Null where the folder has none, or only one of ours. */
  readonly bankroll: { readonly file: string; readonly amount: Decimal } | null;
  /** The oldest copies first, the file itself last. */
  readonly trades: readonly (ForeignTrades & { readonly file: string })[];
}

/** Names without an account, as older versions of bots had them. */
const PLAIN_BANKROLL = ['bankroll.json'];
const PLAIN_TRADES = ['logs/trade_history.csv', 'trade_history.csv', 'logs/trade_log.csv', 'trade_log.csv'];

/**
 * Reads everything before anything is written. `isOnly`: files without an account's name in theirs belong to this one.
 * Throws `usage` for a folder that cannot be read and for a file that cannot be understood at all, naming it.
 */
export async function readImportFolder(
  folder: string,
  account: Pick<Account, 'name' | 'broker' | 'env'>,
  isOnly: boolean,
): Promise<FoundFiles> {
  await requireFolder(folder);
  const own = mirrorNames(account);
  const ofEnv = mirrorNames({ name: `${account.broker}-${account.env}` });
  const names = isOnly ? [own, ofEnv] : [own];
  const bankrolls = [...names.map((name) => name.bankroll), ...(isOnly ? PLAIN_BANKROLL : [])];
  const histories = [
    ...names.flatMap(({ trades }) => [trades, basename(trades)]),
    ...(isOnly ? PLAIN_TRADES : []),
  ];
  return {
    bankroll: await findBankroll(folder, [...new Set(bankrolls)]),
    trades: await readHistories(folder, [...new Set(histories)]),
  };
}

async function requireFolder(folder: string): Promise<void> {
  try {
    await readdir(folder);
  } catch (error) {
    throw new TruebookError(
      'usage',
      `The folder ${folder} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`,
      {
        hint: 'Name the folder that holds bankroll_alpaca_paper.json or logs/trade_history_alpaca_paper.csv.',
      },
    );
  }
}

/** The first file that is not ours; where it is, the newest copy that can be read. */
async function findBankroll(folder: string, names: readonly string[]): Promise<FoundFiles['bankroll']> {
  for (const file of names) {
    const text = await textOf(join(folder, file));
    if (text === null) continue;
    const amount = naming(file, () => readForeignBankroll(text));
    if (amount !== null) return { file, amount };
  }
  for (const name of names) {
    for (const file of (await copiesOf(folder, name)).toReversed()) {
      const amount = await amountOfCopy(join(folder, file));
      if (amount !== null) return { file, amount };
    }
  }
  return null;
}

/** A copy was kept because it was there, readable or not. */
async function amountOfCopy(path: string): Promise<Decimal | null> {
  const text = await textOf(path);
  try {
    return text === null ? null : readForeignBankroll(text);
  } catch (error) {
    if (isTruebookError(error, 'usage')) return null;
    throw error;
  }
}

async function readHistories(folder: string, names: readonly string[]): Promise<FoundFiles['trades']> {
  const found: (ForeignTrades & { readonly file: string })[] = [];
  for (const name of names) {
    for (const file of [...(await copiesOf(folder, name)), name]) {
      const text = await textOf(join(folder, file));
      if (text === null) continue;
      found.push({ file, ...naming(file, () => readForeignTrades(text, file)) });
    }
  }
  return found;
}

/** `NAME.bak-<stamp>`, the oldest first, below the folder. */
async function copiesOf(folder: string, name: string): Promise<readonly string[]> {
  const parent = dirname(name) === '.' ? '' : `${dirname(name)}/`;
  try {
    const entries = await readdir(join(folder, parent));
    return (
      entries
        .filter((entry) => entry.startsWith(`${basename(name)}.bak-`))
        // `-10` is newer than `-2`.
        .sort((left, right) => left.localeCompare(right, 'en', { numeric: true }))
        .map((entry) => `${parent}${entry}`)
    );
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The error with the name of the file it is about. */
function naming<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!isTruebookError(error, 'usage') || error.message.startsWith(file)) throw error;
    throw new TruebookError('usage', `${file}: ${errorText(error)}`, {
      ...(error.hint === null ? {} : { hint: error.hint }),
    });
  }
}
