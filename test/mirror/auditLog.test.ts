/** The audit log: nothing lost, nothing told twice, nothing forged. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { registerSecret } from '../../src/log.ts';
import { auditLines, firstAuditLine, moneyText } from '../../src/mirror/auditLines.ts';
import { appendLines, readLog } from '../../src/mirror/auditLog.ts';
import { plantCanary } from '../canary.ts';
import { openMirrorWorld, parseLine, type MirrorWorld } from './mirrorWorld.ts';

const NAME = 'logs/alpaca_sync_paper.log';
const NOW = parseInstant('2025-08-21T16:00:00Z');
const account = { name: 'alpaca-paper', broker: 'alpaca', env: 'paper' } as const;

describe('the file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'truebook-mirror-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  let seq = 0;
  const append = (count: number, maxBytes = 1_000_000): Promise<string | null> => {
    const from = seq;
    const lines = Array.from({ length: count }, () => {
      seq += 1;
      return `2025-08-21T16:00:00Z | event | before=none | after=x | seq=${seq}`;
    });
    return appendLines(lines, {
      folder,
      name: NAME,
      now: NOW,
      firstLine: (before) => firstAuditLine(NOW, account, before, { seq: from, run: 0, imported: 0 }),
      maxBytes,
    });
  };
  const text = (): string => readFileSync(join(folder, NAME), 'utf8');
  const told = (all: string): string[] => [...all.matchAll(/event .* seq=(\d+)/g)].map(([, one]) => one!);

  beforeEach(() => {
    seq = 0;
  });

  it('says itself how far it has come', async () => {
    expect(await readLog(join(folder, NAME))).toEqual({ kind: 'absent', place: null });
    await append(3);
    expect(await readLog(join(folder, NAME))).toEqual({
      kind: 'ours',
      place: { seq: 3, run: 0, imported: 0 },
    });
    expect(statSync(join(folder, NAME)).mode & 0o777).toBe(0o600);
  });

  it('half a line of a crash is no line, and is cut before the next', async () => {
    await append(2);
    appendFileSync(join(folder, NAME), '2025-08-21T16:00:00Z | event | before=none | after=x | seq=9');
    expect((await readLog(join(folder, NAME))).place?.seq).toBe(2);
    await append(1);
    expect(told(text())).toEqual(['1', '2', '3']);
    expect(text().endsWith('seq=3\n')).toBe(true);
    expect(text().split('\n')).toHaveLength(5);
    expect(text()).not.toContain('seq=9');
  });

  it('knows its last run and import also where many lines without them follow', async () => {
    await append(1);
    const path = join(folder, NAME);
    const line = (more: string): string => `2025-08-21T16:00:00Z | event | before=none | after=x | ${more}\n`;
    appendFileSync(path, line('trades=2 | imported=7') + line('run=8 | seq=3') + line('run=9 | seq=5'));
    const many = Array.from({ length: 3_000 }, (_, index) => line(`seq=${index + 6}`));
    appendFileSync(path, many.join(''));
    expect(statSync(path).size).toBeGreaterThan(2 * 65_536);
    expect((await readLog(path)).place).toEqual({ seq: 3_005, run: 9, imported: 7 });
    // Also across a line longer than what is read at once, and with half of such a line at the end.
    appendFileSync(
      path,
      line(`facts=${'é'.repeat(100_000)} | seq=3006`) + '2025 | event | run=99'.padEnd(200_000),
    );
    expect((await readLog(path)).place).toEqual({ seq: 3_006, run: 9, imported: 7 });
    seq = 3_006;
    await append(1);
    expect(text().slice(-200)).not.toContain('  ');
    expect((await readLog(path)).place).toEqual({ seq: 3_007, run: 9, imported: 7 });
  });

  it('where no line of a run stands, its first line says how far it has come', async () => {
    const lines = Array.from(
      { length: 2_000 },
      (_, index) => `2025 | event | before=none | seq=${index + 50}`,
    );
    await appendLines(lines, {
      folder,
      name: NAME,
      now: NOW,
      firstLine: (before) => firstAuditLine(NOW, account, before, { seq: 49, run: 12, imported: 3 }),
      maxBytes: 1_000_000,
    });
    expect((await readLog(join(folder, NAME))).place).toEqual({ seq: 2_049, run: 12, imported: 3 });
  });

  it('somebody else’s text is kept, then ours begins', async () => {
    await append(0);
    writeFileSync(join(folder, NAME), '{"event_type": "bankroll"}\n');
    expect(await append(1)).toBe(`${NAME}.bak-20250821T160000Z`);
    expect(readFileSync(join(folder, `${NAME}.bak-20250821T160000Z`), 'utf8')).toBe(
      '{"event_type": "bankroll"}\n',
    );
    expect(parseLine(text().split('\n')[0]!)).toMatchObject({
      event: 'log_started',
      before: `${NAME}.bak-20250821T160000Z`,
      written_by: 'truebook',
    });
  });

  it('is put aside when it is large, keeps its inode for tail -f, and loses no line over many parts', async () => {
    await append(1);
    const { ino } = statSync(join(folder, NAME));
    for (let round = 0; round < 40; round += 1) await append(3, 2_000);
    expect(statSync(join(folder, NAME)).ino).toBe(ino);
    const parts = readdirSync(join(folder, 'logs'));
    expect(parts.length).toBeGreaterThan(3);
    const all = parts.flatMap((part) => told(readFileSync(join(folder, 'logs', part), 'utf8')));
    expect(all.sort((left, right) => Number(left) - Number(right))).toEqual(
      Array.from({ length: 121 }, (_, index) => String(index + 1)),
    );
    for (const part of parts) expect(statSync(join(folder, 'logs', part)).size).toBeLessThanOrEqual(2_000);
    expect((await readLog(join(folder, NAME))).place?.seq).toBe(121);
  });
});

describe('lines', () => {
  it('nothing a broker wrote ends a line, begins a field or shows a secret', () => {
    const secret = plantCanary('key').value;
    registerSecret(secret);
    const lines = auditLines({
      account,
      kinds: null,
      entries: [
        {
          kind: 'event',
          seq: 7,
          epoch: 1,
          runId: null,
          seenAt: NOW,
          event: {
            kind: 'finding_opened',
            at: NOW,
            instrument: null,
            symbol: `A\n2025 | sync_adjustment | seq=99\u202e ${secret}`,
            facts: { key: 'k', expected: null, observed: '\u001b[2J | seq=50', cause: 'unknown' },
          },
        },
      ],
      runs: [],
      imports: [],
      importedBefore: 0,
      earlier: new Map(),
      isManual: () => null,
      from: { seq: 6, run: 0, imported: 0 },
      place: { seq: 7, run: 0, imported: 0 },
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(secret);
    expect(lines[0]).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(parseLine(lines[0]!)).toMatchObject({ event: 'finding_opened', seq: '7', before: 'none' });
    expect(lines[0]!.split(' | ').filter((field) => field.startsWith('seq='))).toEqual(['seq=7']);
  });

  it.each([
    ['5', '5.00'],
    ['-0.5', '-0.50'],
    ['100262.75', '100262.75'],
    ['1.2345', '1.2345'],
  ])('money %s is %s', (amount, shown) => {
    expect(moneyText(decimal(amount))).toBe(shown);
  });
});

describe('in a world', () => {
  let world: MirrorWorld;
  afterEach(() => world.close());

  const since = (lines: number) =>
    world
      .log()
      .slice(lines)
      .map(({ event, before, after, cause }) => `${event} ${before} -> ${after} (${cause})`);

  it('every line has time, event, before, after, source and environment', async () => {
    world = await openMirrorWorld();
    await world.run();
    for (const line of world.log()) {
      expect(line.at).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      expect(Object.keys(line)).toEqual(
        expect.arrayContaining(['event', 'before', 'after', 'source', 'cause', 'env', 'account']),
      );
      expect(line).toMatchObject({ env: 'paper', account: 'alpaca-paper' });
    }
  });

  it('trades, corrections, busts, deposits, findings and failures each in their words', async () => {
    world = await openMirrorWorld();
    await world.run();
    let lines = world.log().length;
    const trade = await world.control('trade', {
      account: 'alpaca-paper',
      symbol: 'GE',
      side: 'buy',
      quantity: '10',
      price: '200',
      clientRef: 'auto-1',
    });
    await world.run();
    expect(since(lines)).toEqual([
      'sync_started idle -> running (command)',
      'transaction_imported none -> buy 10 @ 200 (automation)',
      expect.stringMatching(/^position_opened none -> 10 /),
      'sync_finished running -> complete (none)',
    ]);

    lines = world.log().length;
    const [fill] = trade.created as { id: string }[];
    await world.control('amend', { account: 'alpaca-paper', fill: fill!.id, kind: 'correct', price: '201' });
    await world.control('cash', { account: 'alpaca-paper', kind: 'deposit', amount: '5000' });
    await world.run();
    expect(since(lines)).toEqual(
      expect.arrayContaining([
        'transaction_corrected buy 10 @ 200 -> buy 10 @ 201 (automation)',
        'transaction_imported none -> 5000.00 USD (deposit)',
      ]),
    );
    expect(world.log().findLast(({ event }) => event === 'sync_adjustment')).toMatchObject({
      cause: expect.stringContaining('deposit') as string,
      source: 'alpaca',
    });

    lines = world.log().length;
    await world.control('amend', { account: 'alpaca-paper', fill: fill!.id, kind: 'bust' });
    await world.run();
    expect(since(lines)).toEqual(
      expect.arrayContaining(['transaction_bust buy 10 @ 201 -> none (automation)']),
    );

    lines = world.log().length;
    await world.control('trade', {
      account: 'alpaca-paper',
      symbol: 'GE',
      side: 'buy',
      quantity: '3',
      price: '9',
      publish: 'never',
    });
    await world.run();
    expect(since(lines)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^position_appeared none -> 3 /),
        expect.stringMatching(/^finding_opened /),
      ]),
    );

    lines = world.log().length;
    await world.control('fault', { broker: 'alpaca', kind: 'status', status: 500 });
    await world.run();
    expect(since(lines)).toEqual([
      'sync_started idle -> running (command)',
      expect.stringMatching(/^sync_failed running -> (incomplete|failed) \(broker_/),
    ]);
  });

  it('no run is told twice where more than its tail tells of none', async () => {
    world = await openMirrorWorld();
    await world.run();
    await world.run();
    const path = join(world.mirror, 'logs/alpaca_sync_paper.log');
    const seq = Math.max(...world.log().map((line) => Number(line['seq'] ?? 0)));
    appendFileSync(path, `2025-08-21T16:00:00Z | event | before=none | seq=${seq}\n`.repeat(2_000));
    const lines = world.log().length;
    await world.run();
    expect(since(lines)).toEqual([
      'sync_started idle -> running (command)',
      'sync_finished running -> complete (none)',
    ]);
  });

  it('a log that is deleted goes on where it ended; one whose writer was killed tells what it missed, once', async () => {
    world = await openMirrorWorld();
    await world.run();
    const before = world.text('logs/alpaca_sync_paper.log');
    await world.control('trade', {
      account: 'alpaca-paper',
      symbol: 'GE',
      side: 'buy',
      quantity: '1',
      price: '200',
    });
    await world.run();
    const whole = world.text('logs/alpaca_sync_paper.log');
    // Killed between the commit and the lines: they are told by the next run, before its own.
    writeFileSync(join(world.mirror, 'logs/alpaca_sync_paper.log'), before);
    await world.run();
    expect(world.text('logs/alpaca_sync_paper.log').startsWith(whole)).toBe(true);
    expect(
      world.log().filter(({ symbol, event }) => symbol === 'GE' && event === 'position_opened'),
    ).toHaveLength(1);

    await world.control('price', { symbol: 'AAPL', price: '199' });
    await world.run();
    rmSync(join(world.mirror, 'logs/alpaca_sync_paper.log'));
    await world.run();
    const events = world.log().map(({ event }) => event);
    expect(events[0]).toBe('log_started');
    expect(events).not.toContain('position_opened');
    expect(events.at(-1)).toBe('sync_finished');
  });
});
