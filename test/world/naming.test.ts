/** Names of accounts: the second of a kind adds its last four, and each is found again by its pinned fingerprint. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { compose, type Truebook } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import { randomBytes } from '../../src/platform.ts';
import { requestSync } from '../../src/sync/requestSync.ts';
import { openWorld, type World } from './world.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Both sandbox accounts answer on an address of the paper kind, so that two connections are of one kind. */
async function twoPaperAccounts(at: World, order: readonly ('FIRST' | 'SECOND')[]): Promise<Truebook> {
  const env = parseEnv(readFileSync(join(at.folder, 'sandbox.env'), 'utf8'));
  const { paper, live } = at.sandbox.ready.alpaca;
  const keys = { FIRST: paper, SECOND: live };
  const config = loadConfig({
    env: {
      TRUEBOOK_HOME: env['TRUEBOOK_HOME'],
      TRUEBOOK_CLOCK_URL: env['TRUEBOOK_CLOCK_URL'],
      DATABASE_URL: at.databaseUrl,
      ALPACA_DATA_URL: env['ALPACA_DATA_URL'],
      ...Object.fromEntries(
        order.flatMap((name, place) => [
          [`ALPACA_API_KEY__${place}${name}`, keys[name].keyId],
          [`ALPACA_SECRET_KEY__${place}${name}`, keys[name].secretKey],
          [`ALPACA_ENV__${place}${name}`, 'paper'],
          [`ALPACA_PAPER_URL__${place}${name}`, keys[name].tradingUrl],
        ]),
      ),
    },
    cwd: at.folder,
    machine: { operatingSystem: 'linux', userHome: at.folder },
    randomBytes,
  });
  const truebook = await compose({ config });
  cleanUps.push(() => truebook.close());
  return truebook;
}

async function syncAll(truebook: Truebook): Promise<string[]> {
  const lines: string[] = [];
  for (const { account, broker } of await truebook.agentAccounts()) {
    const { run } = await requestSync(truebook.dependencies({ account, broker }, 'test'), account, {
      holder: truebook.holder('command'),
      isGone: () => false,
      trigger: 'command',
      type: 'all',
      requestedBy: 'test',
    });
    lines.push(`${account.name} ${run.outcome}`);
  }
  return lines;
}

async function holdingsOf(truebook: Truebook): Promise<Record<string, number>> {
  const rows = await truebook.store.positions({ states: ['open'] });
  const counts: Record<string, number> = {};
  for (const account of await truebook.store.accounts()) {
    counts[account.name] = rows.filter((row) => row.accountId === account.id).length;
  }
  return counts;
}

test('two accounts of one kind keep their names in whatever order they are written', async () => {
  const at = await openWorld({});
  cleanUps.push(() => at.close());
  const first = await twoPaperAccounts(at, ['FIRST', 'SECOND']);
  const names = (await first.agentAccounts()).map(({ account }) => account.name);
  expect(names[0]).toBe('alpaca-paper');
  expect(names[1]).toMatch(/^alpaca-paper-[A-Z0-9]{4}$/);
  expect(await syncAll(first)).toEqual([`${names[0]} complete`, `${names[1]} complete`]);
  const held = await holdingsOf(first);

  const turned = await twoPaperAccounts(at, ['SECOND', 'FIRST']);
  expect(await syncAll(turned)).toEqual([`${names[1]} complete`, `${names[0]} complete`]);
  expect(await holdingsOf(turned)).toEqual(held);
});

test('a second account in an agent of its own is told apart from the one another agent keeps', async () => {
  const at = await openWorld({});
  cleanUps.push(() => at.close());
  const first = await twoPaperAccounts(at, ['FIRST']);
  await syncAll(first);
  const [seat] = await first.agentAccounts();
  const grant = await first.store.acquireLease(seat!.account.id, first.holder('agent'), 60_000);
  expect(grant).toHaveProperty('lease');

  const second = await twoPaperAccounts(at, ['SECOND']);
  const [other] = await second.agentAccounts('agent');
  expect(other!.account.name).toMatch(/^alpaca-paper-[A-Z0-9]{4}$/);

  const again = await twoPaperAccounts(at, ['FIRST']);
  const [same] = await again.agentAccounts('agent');
  expect(same!.account.name).toBe('alpaca-paper');
});
