/** `truebook import mirror` as a person runs it: real processes, a real folder of an older bot, a real sandbox. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { eventually, Place, type Finished } from '../cli/command.ts';

const HEADER = 'timestamp,symbol,action,quantity,price,pnl,alpaca_order_id\n';
const TRADES = 'old/logs/trade_history_alpaca_paper.csv';

let place: Place;
let sandbox: Sandbox;

beforeEach(async () => {
  place = new Place();
  sandbox = await startSandbox({ envFile: place.path('sandbox.env') });
});
afterEach(async () => {
  await sandbox.close();
  place.remove();
});

function put(name: string, text: string): void {
  mkdirSync(dirname(place.path(name)), { recursive: true });
  writeFileSync(place.path(name), text);
}

function run(...args: string[]): Promise<Finished> {
  return place.run([...args, '--config', place.path('sandbox.env')]);
}

interface Imported {
  readonly account: string;
  readonly bankroll: { state: string; amount: string } | null;
  readonly trades: {
    read: number;
    imported: number;
    alreadyImported: number;
    inLedger: number;
    bad: object[];
  };
}

async function imported(folder: string, code = 0, ...more: string[]): Promise<Imported[]> {
  const done = await run('import', 'mirror', folder, '--json', ...more);
  expect({ code: done.code, stderr: done.stderr }).toEqual({ code, stderr: '' });
  return JSON.parse(done.stdout) as Imported[];
}

const mirrored = (name: string): string =>
  readFileSync(place.path('sandbox.env-home', 'mirror', name), 'utf8');
const tradeRows = (): string[] =>
  mirrored('logs/trade_history_alpaca_paper.csv').trimEnd().split('\n').slice(1);

async function bankrolls(): Promise<{ event: string; after: string; account: string }[]> {
  return JSON.parse((await run('bankroll', '--account', 'alpaca-paper', '--json')).stdout) as never;
}

async function tradeCount(): Promise<number> {
  return (JSON.parse((await run('trades', '--account', 'alpaca-paper', '--json')).stdout) as object[]).length;
}

describe('before the first run', () => {
  it('the bankroll is where the account starts, the trades are listed beside the broker’s, importing again adds nothing', async () => {
    put('old/bankroll_alpaca_paper.json', '{"current_bankroll": 95000.50}');
    put(
      TRADES,
      `${HEADER}2024-05-01T10:00:00,SPY240517C00500000,BUY,1,2.50,,x1\n2024-05-02T10:00:00,SPY240517C00500000,SELL,1,3.50,100.00,x2\n`,
    );
    const [first] = await imported('old');
    expect(first).toMatchObject({
      account: 'alpaca-paper',
      bankroll: { state: 'imported', amount: '95000.5' },
      trades: { read: 2, imported: 2, alreadyImported: 0, inLedger: 0, bad: [] },
    });
    expect((await run('sync', '--account', 'alpaca-paper')).code).toBe(0);
    expect((await bankrolls()).map(({ event, after }) => `${event} ${after}`).at(-1)).toBe(
      'imported 95000.5',
    );
    const fills = await tradeCount();
    expect(tradeRows()).toHaveLength(fills + 2);
    expect(tradeRows()[1]).toBe(
      '2024-05-02T14:00:00Z,SPY240517C00500000,sell,1,3.5,,x2,,us_option,,,imported,100,2024-05-02,,,SPY,2024-05-17,500,call,SELL,1,3.5,100,,CALL,x2,alpaca,paper',
    );

    const [again] = await imported('old');
    expect(again).toMatchObject({
      bankroll: { state: 'kept', amount: '95000.5' },
      trades: { read: 2, imported: 0, alreadyImported: 2, inLedger: 0 },
    });
    // The mirror folder itself: the broker's own trades are known by id, the imported ones by content.
    const [mirror] = await imported('sandbox.env-home/mirror', 0, '--account', 'alpaca-paper');
    expect(mirror).toMatchObject({
      bankroll: null,
      trades: { read: fills + 2, imported: 0, alreadyImported: 2, inLedger: fills },
    });
    expect(tradeRows()).toHaveLength(fills + 2);
  });

  it('what cannot be read at all ends with 2 and writes nothing, the good half neither', async () => {
    put('old/bankroll_alpaca_paper.json', '{"current_bankroll": 95000.50}');
    put(TRADES, 'no,columns,here\n1,2,3\n');
    const done = await run('import', 'mirror', 'old');
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(
      'error: logs/trade_history_alpaca_paper.csv has no column for time, symbol, quantity.',
    );
    put(TRADES, HEADER);
    put('old/bankroll_alpaca_paper.json', '{"current_bankroll": ');
    const broken = await run('import', 'mirror', 'old');
    expect(broken.code).toBe(2);
    expect(broken.stderr).toContain(
      'bankroll_alpaca_paper.json: The bankroll file cannot be read. It is no JSON.',
    );
    expect(await bankrolls()).toEqual([]);
  });

  it.each([
    ['nowhere', 'cannot be read (ENOENT)'],
    ['empty', 'holds no files of'],
  ])('folder %s ends with 2', async (folder, reason) => {
    mkdirSync(place.path('empty'));
    const done = await run('import', 'mirror', folder);
    expect(done).toMatchObject({ code: 2, stdout: '' });
    expect(done.stderr).toContain(reason);
  });
});

describe('after runs', () => {
  it('a line with an order or trade id of the broker’s is the broker’s trade; bad lines are told, the rest is kept, exit 3', async () => {
    await run('sync');
    const fills = JSON.parse((await run('trades', '--account', 'alpaca-paper', '--json')).stdout) as {
      id: string;
      orderId: string;
    }[];
    put(
      TRADES,
      `${HEADER}2025-08-01T10:00:00,AAPL,BUY,1,200,,${fills[0]!.orderId}\n` +
        '2025-08-01T10:00:00,AAPL,BUY,lots,200,,\n' +
        '2025-08-01T10:00:00,AAPL,BUY,1,200,,\n2025-08-01T10:00:00,AAPL,BUY,1,200,,\n',
    );
    const before = await bankrolls();
    const [record] = await imported('old', 3);
    expect(record!.trades).toMatchObject({
      read: 3,
      imported: 2,
      inLedger: 1,
      bad: [{ file: 'logs/trade_history_alpaca_paper.csv', line: 3, reason: 'quantity "lots" is no number' }],
    });
    expect(tradeRows().filter((row) => row.includes(',imported,'))).toHaveLength(2);
    // Evidence of a file, not fills of the book.
    expect(await tradeCount()).toBe(fills.length);
    expect(await bankrolls()).toEqual(before);
    expect(mirrored('logs/alpaca_sync_paper.log')).toMatch(
      /\| trades_imported \| before=0 \| after=2 \| source=logs\/trade_history_alpaca_paper.csv \|/,
    );
    const told = await run('import', 'mirror', 'old');
    expect(told.stdout).toContain(
      "0 of 4 trades imported from logs/trade_history_alpaca_paper.csv; 1 are the broker's own, 2 were imported before, 1 could not be read.",
    );
    expect(told.stderr).toContain(
      'warning: logs/trade_history_alpaca_paper.csv:3: quantity "lots" is no number; left out',
    );
  });

  it('plain names belong to the account that is named', async () => {
    await run('sync', '--account', 'alpaca-live');
    put('old/bankroll.json', '{"bankroll": 40}');
    put('old/logs/trade_log.csv', 'date,symbol,quantity\n2025-01-02,F,3\n');
    expect((await run('import', 'mirror', 'old')).code).toBe(2);
    const [record] = await imported('old', 0, '--account', 'alpaca-paper');
    expect(record).toMatchObject({ bankroll: { state: 'imported', amount: '40' }, trades: { imported: 1 } });
    expect((await imported('old', 0, '--account', 'alpaca-live'))[0]).toMatchObject({
      bankroll: { state: 'kept' },
    });
  });

  it('beside a living agent: the trades are kept, the agent’s next run lists them', async () => {
    // Without the stream, whose first hint makes a second run about when the import is there.
    const agent = place.start(['agent', '--config', place.path('sandbox.env')], {
      env: { POSITION_SYNC_SYNC_ON_POSITION_UPDATE: 'false' },
    });
    await eventually(() => (agent.stdout().includes('last_sync_time=') ? true : null));
    put(TRADES, `${HEADER}2024-05-01T10:00:00,SPY,BUY,1,2.50,,x1\n`);
    put('old/bankroll_alpaca_paper.json', '{"current_bankroll": 1}');
    const [record] = await imported('old');
    expect(record).toMatchObject({ bankroll: { state: 'kept' }, trades: { imported: 1 } });
    expect(tradeRows()[0]).not.toContain('imported');
    expect((await run('sync', '--account', 'alpaca-paper')).code).toBe(0);
    expect(tradeRows()[0]).toContain('2024-05-01T14:00:00Z,SPY,buy,1,2.5,,x1,,us_equity,,,imported,');
    agent.child.kill('SIGTERM');
    expect((await agent.done).code).toBe(0);
    rmSync(place.path('old'), { recursive: true });
  });
});
