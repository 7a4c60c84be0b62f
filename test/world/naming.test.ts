/** Names of accounts: the second of a kind adds its last four, and each is found again by its pinned fingerprint. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { compose, type Truebook } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import { randomBytes, realSleep } from '../../src/platform.ts';
import { runAgent } from '../../src/sync/agent.ts';
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
      DATABASE_URL: `sqlite:${join(at.folder, 'two.db')}`,
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

/** An agent of its own, until the test ends. */
async function agentOf(truebook: Truebook): Promise<void> {
  const stop = new AbortController();
  const quiet = { debug: NOTHING, info: NOTHING, warning: NOTHING, error: NOTHING };
  const started = Promise.withResolvers<void>();
  const ended = runAgent({
    store: truebook.store,
    clock: truebook.clock,
    log: quiet,
    accounts: (await truebook.agentAccounts('agent')).map((entry) => ({ ...entry, watch: false })),
    holder: truebook.holder('agent'),
    isGone: () => false,
    dependencies: truebook.dependencies,
    once: false,
    stop: stop.signal,
    onCycle: () => started.resolve(),
  });
  ended.catch((error: unknown) => started.reject(error));
  cleanUps.push(async () => {
    stop.abort();
    await ended;
  });
  await started.promise;
}

const NOTHING = (): undefined => undefined;

test('a second account in an agent of its own is told apart from the one another agent keeps', async () => {
  const at = await openWorld({});
  cleanUps.push(() => at.close());
  await agentOf(await twoPaperAccounts(at, ['FIRST']));

  const second = await twoPaperAccounts(at, ['SECOND']);
  const [other] = await second.agentAccounts('agent');
  expect(other!.account.name).toMatch(/^alpaca-paper-[A-Z0-9]{4}$/);

  const again = await twoPaperAccounts(at, ['FIRST']);
  const [same] = await again.agentAccounts('agent');
  expect(same!.account.name).toBe('alpaca-paper');
});

test('a second agent for an account that was reset takes it for no other one', async () => {
  const at = await openWorld({});
  cleanUps.push(() => at.close());
  await agentOf(await twoPaperAccounts(at, ['FIRST']));
  await at.control('account', { account: 'alpaca-paper', action: 'reset' });

  const second = await twoPaperAccounts(at, ['FIRST']);
  const [same] = await second.agentAccounts('agent');
  expect(same!.account.name).toBe('alpaca-paper');
  expect((await second.store.accounts()).map(({ name }) => name)).toEqual(['alpaca-paper']);
});

test('an agent that keeps an account and does not answer leaves the name of another one open', async () => {
  const at = await openWorld({});
  cleanUps.push(() => at.close());
  const first = await twoPaperAccounts(at, ['FIRST']);
  await syncAll(first);
  const [seat] = await first.agentAccounts();
  await first.store.acquireLease(seat!.account.id, first.holder('agent'), 600_000);
  const second = await twoPaperAccounts(at, ['SECOND']);
  const refused = expect(second.agentAccounts('agent')).rejects.toMatchObject({
    code: 'config',
    retry: 'later',
  });
  // Waits of this clock are short while it stands still.
  while ((await first.store.pendingRequests([seat!.account.id])).length === 0) await realSleep(20);
  await at.advance('31s');
  await refused;
  expect((await first.store.accounts()).map(({ name }) => name)).toEqual(['alpaca-paper']);
  expect(await first.store.pendingRequests([seat!.account.id])).toEqual([]);
});
