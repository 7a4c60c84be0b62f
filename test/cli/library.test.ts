import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTruebookError, openBook, type Book } from '../../src/index.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { Place } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;
let book: Book;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
  await place.run(['sync', '--config', settings]);
  book = await openBook({ env: {}, workingFolder: place.folder, configFiles: [settings] });
});
afterAll(async () => {
  await book.close();
  await sandbox.close();
  place.remove();
});

describe('the library', () => {
  it('answers the very records the command line prints', async () => {
    const answers = {
      accounts: await book.accounts(),
      trades: await book.trades(),
      activity: await book.activity(),
      findings: await book.findings({ all: true }),
    };
    expect(answers.trades.length).toBeGreaterThan(10);
    for (const [name, rows] of Object.entries(answers)) {
      const all = name === 'findings' ? ['--all'] : [];
      const { stdout } = await place.run([name, ...all, '--json', '--config', settings]);
      expect(rows, name).toEqual(JSON.parse(stdout));
    }
  });

  it('narrows to an account, by name or id', async () => {
    const { accounts } = await book.status();
    const paper = accounts.find((one) => one.account === 'alpaca-paper')!;
    const byName = await book.positions({ account: 'alpaca-paper' });
    expect(new Set(byName.map((row) => row.accountId))).toEqual(new Set([paper.accountId]));
    const byId = await book.positions({ account: String(paper.accountId), states: ['open'] });
    expect(byId.map((row) => row.symbol)).toEqual(byName.map((row) => row.symbol));
    expect(await book.balances({ account: 'alpaca-paper' })).toHaveLength(1);
    expect((await book.dailyBalances({ account: 'alpaca-paper' }))[0]).toMatchObject({ source: 'recorded' });
    expect(await book.events({ limit: 2 })).toHaveLength(2);
  });

  it('refuses an account that does not exist and a book that is not there', async () => {
    const refused = await book.positions({ account: 'nobody' }).catch((error: unknown) => error);
    expect(isTruebookError(refused, 'unknown_account')).toBe(true);
    const env = { TRUEBOOK_HOME: place.path('nowhere') };
    const missing = await openBook({ env, workingFolder: place.folder }).catch((error: unknown) => error);
    expect(isTruebookError(missing, 'storage_unreachable')).toBe(true);
  });
});
