/** The mirror files of a whole world on both databases: what they hold, when they are written, and what is never lost. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { compose } from '../../src/compose.ts';
import { createMirror } from '../../src/mirror/mirror.ts';
import { realSleep } from '../../src/platform.ts';
import { type DatabaseKind } from '../world/world.ts';
import { openMirrorWorld, type MirrorWorld } from './mirrorWorld.ts';

const BANKROLL = 'bankroll_alpaca_paper.json';
const POSITIONS = 'positions_alpaca_paper.csv';
const TRADES = 'logs/trade_history_alpaca_paper.csv';
const LOG = 'logs/alpaca_sync_paper.log';
const OLD_BANKROLL = '{"current_bankroll": 95000.10, "balance": 1, "win_loss_history": [true], "odd": 1.50}';
const OLD_TRADES =
  'timestamp,symbol,action,quantity,price\n2025-08-01T10:00:00,SPY,BUY,1,600\n2025-08-01T10:00:00,SPY,BUY,1,600\n';

interface BankrollFile {
  readonly bankroll: number;
  readonly equity: number;
  readonly last_updated: string;
  readonly sync_adjustments: readonly {
    event: string;
    before: number | null;
    after: number;
    cause: string;
  }[];
}

let world: MirrorWorld;
afterEach(() => world.close());

const bankroll = (): BankrollFile => JSON.parse(world.text(BANKROLL)) as BankrollFile;
const rows = (name: string): string[] => world.text(name).trimEnd().split('\n').slice(1);

for (const database of ['sqlite', 'postgres'] satisfies DatabaseKind[]) {
  describe(`mirror files on ${database}`, () => {
    it('hold bankroll, positions, trades and every event, as they are committed here', async () => {
      world = await openMirrorWorld({ database });
      const { run, warnings } = await world.run();
      expect({ outcome: run.outcome, warnings }).toEqual({ outcome: 'complete', warnings: [] });
      await world.run('alpaca-live');
      expect(world.files()).toEqual([
        'bankroll_alpaca_live.json',
        BANKROLL,
        'logs/alpaca_sync_live.log',
        LOG,
        'logs/trade_history_alpaca_live.csv',
        TRADES,
        'positions_alpaca_live.csv',
        POSITIONS,
      ]);
      for (const name of world.files()) {
        // Numbers of runs count over both accounts and differ where a test ran more of them.
        const text = world.text(name).replaceAll(/\| run=\d+/g, '| run=N');
        await expect(text).toMatchFileSnapshot(`../golden/mirror/${name.replace('logs/', '')}`);
        expect(statSync(join(world.mirror, name)).mode & 0o777).toBe(0o600);
      }
      expect(statSync(join(world.mirror, 'logs')).mode & 0o777).toBe(0o700);
    });

    it('an older bot’s files are kept, its bankroll is where the account starts, its own figures go on', async () => {
      world = await openMirrorWorld({ database });
      world.put(BANKROLL, OLD_BANKROLL);
      world.put(TRADES, OLD_TRADES);
      const { warnings } = await world.run();
      expect(warnings).toEqual([
        `alpaca-paper: ${BANKROLL} was not as Truebook wrote it; it is kept as ${BANKROLL}.bak-20250821T160000Z.`,
        `alpaca-paper: ${TRADES} was not as Truebook wrote it; it is kept as ${TRADES}.bak-20250821T160000Z. 2 trades in it wait for \`truebook import mirror ${world.mirror}\`.`,
      ]);
      expect(world.text(`${BANKROLL}.bak-20250821T160000Z`)).toBe(OLD_BANKROLL);
      expect(world.text(`${TRADES}.bak-20250821T160000Z`)).toBe(OLD_TRADES);
      expect(bankroll().sync_adjustments).toMatchObject([
        { event: 'imported', before: null, after: 95000.1, cause: 'mirror_file' },
        { event: 'sync_adjustment', before: 95000.1, cause: 'tolerance_exceeded' },
      ]);
      expect(bankroll()).toMatchObject({ win_loss_history: [true] });
      expect(world.text(BANKROLL)).toContain('"odd": 1.50');
      expect((await world.run()).warnings).toEqual([]);
    });

    it('keep their place while nothing changes, and follow what does', async () => {
      world = await openMirrorWorld({ database });
      await world.run();
      const before = [BANKROLL, POSITIONS, TRADES].map((name) => world.touched(name));
      await world.run();
      expect([BANKROLL, POSITIONS, TRADES].map((name) => world.touched(name))).toEqual(before);

      await world.advance('10m');
      await world.control('price', { symbol: 'AAPL', price: '231.25' });
      await world.run();
      expect(world.touched(TRADES)).toBe(before[2]);
      expect(bankroll().last_updated).toBe('2025-08-21T16:10:00Z');
      expect(rows(POSITIONS).find((row) => row.startsWith('AAPL,'))).toContain(',231.25,');

      await world.control('trade', {
        account: 'alpaca-paper',
        symbol: 'KO',
        side: 'sell',
        quantity: '100',
        price: '71',
      });
      await world.run();
      expect(rows(POSITIONS).some((row) => row.startsWith('KO,'))).toBe(false);
      expect(rows(TRADES).at(-1)).toContain(',KO,sell,100,71,');
    });
  });
}

it('a run that believed nothing takes no older file over; the next that does starts from it', async () => {
  world = await openMirrorWorld();
  world.put(BANKROLL, OLD_BANKROLL);
  world.put(TRADES, OLD_TRADES);
  await world.control('fault', { broker: 'alpaca', resource: 'positions', kind: 'status', status: 500 });
  const { run, warnings } = await world.run();
  expect(run.outcome).toBe('incomplete');
  expect(warnings).toEqual([]);
  expect(world.text(BANKROLL)).toBe(OLD_BANKROLL);
  expect(world.text(TRADES)).toBe(OLD_TRADES);
  expect(world.files()).toEqual([BANKROLL, LOG, TRADES]);
  expect(world.log().at(-1)).toMatchObject({ event: 'sync_failed', after: 'incomplete', before: 'running' });
  await world.faultsOff();
  await world.run();
  expect(bankroll().sync_adjustments[0]).toMatchObject({ event: 'imported', after: 95000.1 });
});

it('a dry run looks at an older bankroll and touches nothing', async () => {
  world = await openMirrorWorld();
  world.put(BANKROLL, OLD_BANKROLL);
  await world.run('alpaca-paper', 'all', true);
  expect(world.files()).toEqual([BANKROLL]);
  expect(world.text(BANKROLL)).toBe(OLD_BANKROLL);
});

it.each([
  ['broken JSON', '{"current_bankroll": 95'],
  ['no amount', '{"current_bankroll": "lots", "note": 5}'],
  ['a list', '[95000]'],
])('%s as bankroll is told, kept, and the equity is taken', async (_name, text) => {
  world = await openMirrorWorld();
  world.put(BANKROLL, text);
  const { run, warnings } = await world.run();
  expect(run.outcome).toBe('complete');
  expect(warnings[0]).toContain(`${join(world.mirror, BANKROLL)} gives no starting bankroll: `);
  expect(warnings[1]).toContain('it is kept as');
  expect(world.text(`${BANKROLL}.bak-20250821T160000Z`)).toBe(text);
  expect(bankroll().sync_adjustments.map(({ event }) => event)).toEqual(['opening']);
});

it('a file changed by somebody is kept before it is replaced, each state of it once', async () => {
  world = await openMirrorWorld();
  await world.run();
  const ours = world.text(POSITIONS);
  const spoiled = `${ours}SPY,1,long\n`;
  for (const minute of [1, 2]) {
    world.put(POSITIONS, spoiled);
    await world.advance('1m');
    const { warnings } = await world.run();
    expect(warnings, `minute ${minute}`).toEqual([
      expect.stringContaining(`kept as ${POSITIONS}.bak-20250821T160100Z`),
    ]);
  }
  expect(world.files().filter((name) => name.includes('.bak-'))).toEqual([
    `${POSITIONS}.bak-20250821T160100Z`,
  ]);
  expect(world.text(`${POSITIONS}.bak-20250821T160100Z`)).toBe(spoiled);
  expect(rows(POSITIONS).some((row) => row.startsWith('SPY,'))).toBe(false);
});

it('a file that is deleted comes back with the next run, although nothing changed', async () => {
  world = await openMirrorWorld();
  await world.run();
  rmSync(join(world.mirror, TRADES));
  rmSync(join(world.mirror, BANKROLL));
  expect((await world.run()).warnings).toEqual([]);
  expect(rows(TRADES).length).toBeGreaterThan(10);
  expect(bankroll().bankroll).toBe(bankroll().equity);
});

it('a file that cannot be written keeps no run and no other file back, and is written when it can be', async () => {
  world = await openMirrorWorld();
  mkdirSync(join(world.mirror, POSITIONS), { recursive: true });
  const first = await world.run();
  expect(first.run.outcome).toBe('complete');
  expect(first.warnings).toEqual([
    `alpaca-paper: ${POSITIONS} could not be written: a folder has its name. The next run tries again.`,
  ]);
  expect(world.files()).toEqual([BANKROLL, LOG, TRADES]);
  rmdirSync(join(world.mirror, POSITIONS));
  expect((await world.run()).warnings).toEqual([]);
  expect(rows(POSITIONS).length).toBeGreaterThan(5);
});

it('a mirror folder that is none costs a warning, not the run, and the log tells later what it missed', async () => {
  world = await openMirrorWorld();
  writeFileSync(world.mirror, 'in the way');
  const { run, warnings } = await world.run();
  expect(run.outcome).toBe('complete');
  expect(warnings.length).toBeGreaterThan(0);
  expect(warnings.join()).toContain('could not be written');
  rmSync(world.mirror);
  expect((await world.run()).warnings).toEqual([]);
  expect(world.log().filter(({ event }) => event === 'sync_finished')).toHaveLength(2);
  expect(world.log().some(({ event }) => event === 'position_opened')).toBe(true);
});

it('another process knows our files as ours', async () => {
  world = await openMirrorWorld();
  await world.run();
  const before = [BANKROLL, POSITIONS, TRADES].map((name) => world.touched(name));
  const lines = world.log().length;
  const other = await compose({ config: world.truebook.config, allowUnsafeDurability: true });
  const account = await other.account('alpaca-paper');
  expect(await other.mirror!.write(account, null)).toEqual({ written: [], warnings: [] });
  await other.close();
  expect([BANKROLL, POSITIONS, TRADES].map((name) => world.touched(name))).toEqual(before);
  expect(world.log()).toHaveLength(lines);
});

it('killed after it remembered and before it wrote: the old file counts as ours, nothing is kept twice', async () => {
  world = await openMirrorWorld();
  await world.run();
  const old = world.text(POSITIONS);
  await world.control('price', { symbol: 'AAPL', price: '240' });
  await world.run();
  // What a kill leaves: the memory of the new text, the old text in its place, half of the new one beside it.
  world.put(POSITIONS, old);
  world.put(`.${POSITIONS}.truebook-tmp`, 'symbol,qty');
  const again = await compose({ config: world.truebook.config, allowUnsafeDurability: true });
  const result = await again.mirror!.write(await again.account('alpaca-paper'), null);
  await again.close();
  expect(result).toEqual({ written: [POSITIONS], warnings: [] });
  expect(rows(POSITIONS).find((row) => row.startsWith('AAPL,'))).toContain(',240,');
  expect(world.files()).toEqual([BANKROLL, LOG, TRADES, POSITIONS].sort());
});

it('a run of one part writes only what the book knows', async () => {
  world = await openMirrorWorld();
  await world.run('alpaca-paper', 'bankroll');
  expect(world.files()).toEqual([BANKROLL, LOG]);
  await world.run();
  expect(world.files()).toEqual([BANKROLL, LOG, TRADES, POSITIONS]);
});

it('are narrowed to asset classes, and the book is not', async () => {
  world = await openMirrorWorld({ settings: { ALPACA_SYNC_ASSET_CLASSES: 'us_option' } });
  await world.run();
  const kinds = new Set((await world.positions('alpaca-paper')).map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(['crypto', 'equity', 'option']);
  const header = world.text(POSITIONS).split('\n')[0]!.split(',');
  const classes = (name: string, at: number) => [...new Set(rows(name).map((row) => row.split(',')[at]))];
  expect(classes(POSITIONS, header.indexOf('asset_class'))).toEqual(['us_option']);
  expect(classes(TRADES, world.text(TRADES).split('\n')[0]!.split(',').indexOf('asset_class'))).toEqual([
    'us_option',
  ]);
  const told = world.log().filter(({ event }) => /^(position|transaction)_/.test(event));
  expect(told.length).toBeGreaterThan(0);
  expect(told.filter(({ symbol }) => symbol !== 'none' && !/^[A-Z]+\d{6}[CP]\d{8}$/.test(symbol!))).toEqual(
    [],
  );
  expect(told.some(({ kind }) => kind === 'deposit' || kind === 'cash_transfer' || kind === 'dividend')).toBe(
    true,
  );
});

it('a folder that hangs holds a run up for a bounded time, and one writing at a time', async () => {
  world = await openMirrorWorld();
  await world.run();
  const { store, clock } = world.truebook;
  const account = await world.truebook.account('alpaca-paper');
  let goOn = (): void => undefined;
  const hanging = new Promise<void>((resolve) => (goOn = resolve));
  let timeIsOver = (): void => undefined;
  const waits: number[] = [];
  const asked = Promise.withResolvers<void>();
  const mirror = createMirror({
    folder: join(world.folder, 'elsewhere'),
    store,
    clock,
    kinds: null,
    positions: async () => {
      asked.resolve();
      await hanging;
      return [];
    },
    isManual: () => true,
    // The limit comes when the test says so: how fast the machine's disk is says nothing.
    after: (ms, action) => {
      waits.push(ms);
      timeIsOver = action;
      return () => undefined;
    },
    timeLimitMs: 50,
  });
  const late = mirror.write(account, null);
  await asked.promise;
  timeIsOver();
  expect(await late).toEqual({
    written: [],
    warnings: ['The mirror files could not be written within 50 ms; the next run goes on.'],
  });
  expect(waits).toEqual([50]);
  const busy = 'The mirror files are still being written; the next run goes on.';
  expect((await mirror.write(account, null)).warnings).toEqual([busy]);
  goOn();
  await realSleep(50);
  // Given up is given up: what hung writes nothing behind the next one's back.
  expect(existsSync(join(world.folder, 'elsewhere', POSITIONS))).toBe(false);
  let next = await mirror.write(account, null);
  while (next.warnings.includes(busy)) {
    await realSleep(10);
    next = await mirror.write(account, null);
  }
  expect(next.written).toEqual([BANKROLL, POSITIONS, TRADES, LOG]);
});

it('none with MIRROR_FILES off', async () => {
  world = await openMirrorWorld({ settings: { MIRROR_FILES: 'false' } });
  const { run } = await world.run();
  expect(run.outcome).toBe('complete');
  expect(() => statSync(world.mirror)).toThrow('ENOENT');
});

it('the bankroll of another epoch is no starting value, and trades of both stay listed', async () => {
  world = await openMirrorWorld();
  await world.run();
  const trades = rows(TRADES).length;
  const { store } = world.truebook;
  const account = await world.truebook.account('alpaca-paper');
  await world.control('account', { account: 'alpaca-paper', action: 'reset' });
  const answer = await store.acquireLease(account.id, world.truebook.holder('command'), 30_000);
  if (!('lease' in answer)) throw new Error('the lease is held');
  await store.newEpoch(answer.lease, account.createdAt, 'test');
  await store.releaseLease(answer.lease);
  const { run, warnings } = await world.run();
  expect({ outcome: run.outcome, warnings }).toEqual({ outcome: 'complete', warnings: [] });
  expect(bankroll().sync_adjustments.map(({ event }) => event)).toEqual(['opening']);
  expect(rows(TRADES)).toHaveLength(trades);
  expect(rows(POSITIONS)).toEqual([]);
  expect(world.log().find(({ event }) => event === 'account_reset')).toMatchObject({
    before: 'epoch 1',
    after: 'epoch 2',
  });
});

it('hold no secret and no account number', async () => {
  world = await openMirrorWorld();
  await world.run();
  await world.run('alpaca-live');
  for (const { tradingUrl, keyId, secretKey } of Object.values(world.sandbox.ready.alpaca)) {
    const answer = await fetch(`${tradingUrl}/v2/account`, {
      headers: { 'APCA-API-KEY-ID': keyId, 'APCA-API-SECRET-KEY': secretKey },
    });
    const { id, account_number } = (await answer.json()) as { id: string; account_number: string };
    expect(account_number.length).toBeGreaterThan(5);
    for (const name of world.files()) {
      const text = readFileSync(join(world.mirror, name), 'utf8');
      for (const word of [keyId, secretKey, id, account_number]) expect(text).not.toContain(word);
    }
  }
});

it('a pipe in the place of a file keeps no run waiting', async () => {
  world = await openMirrorWorld();
  world.put('placeholder', '');
  execFileSync('mkfifo', [join(world.mirror, BANKROLL)]);
  const { run, warnings } = await world.run();
  expect(run.outcome).toBe('complete');
  expect(warnings.join(' ')).toContain('no ordinary file');
});
