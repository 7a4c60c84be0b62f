/** Seed, clock, settings file, and that what is listed adds up to what is held, whatever was played. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { PAPER, start, type Play, type Row } from './play.ts';

describe('the same seed', () => {
  const history = async (seed: number): Promise<string> => {
    await using play = await start({ scenario: 'default', seed });
    play.play('buy 3 AAPL @ 200\n clock 1d\n sell 1 KO @ 70 fees 0.1\n split AAPL 2:1\n clock next-day');
    const answers = [
      await play.get('/v2/account/activities'),
      await play.get('/v2/positions'),
      await play.get('/v2/orders?status=all'),
    ];
    return JSON.stringify([
      answers.map((answer) => answer.text),
      play.truth(),
      play.paper.keyId,
      play.paper.secretKey,
    ]);
  };

  it('and the same calls give the same ids, prices and keys; another seed gives others', async () => {
    const first = await history(7);
    expect(await history(7)).toBe(first);
    expect(await history(8)).not.toBe(first);
  });
});

describe('the default world', () => {
  it('has stocks, options and coins, long and short, and weeks of history', async () => {
    await using play = await start({ scenario: 'default' });
    const kinds = play
      .truth()
      .positions.map(
        (row) => `${String(row['kind'])} ${String(row['quantity']).startsWith('-') ? 'short' : 'long'}`,
      );
    expect(new Set(kinds)).toEqual(
      new Set(['equity long', 'equity short', 'option long', 'option short', 'crypto long']),
    );
    const types = new Set((await play.rows('/v2/account/activities')).map((row) => row['activity_type']));
    for (const type of ['FILL', 'JNLC', 'CSD', 'DIV', 'OPASN', 'OPTRD', 'OPEXP', 'SPLIT', 'CFEE'])
      expect(types).toContain(type);
    expect(play.truth('alpaca-live').positions.length).toBeGreaterThan(4);
  });

  it('can be lived through on any day of a year', async () => {
    for (let month = 1; month <= 12; month += 1) {
      const at = `2026-${String(month).padStart(2, '0')}-${String(month * 2 + 3).padStart(2, '0')}T03:10:00Z`;
      const sandbox = await startSandbox({ clock: { kind: 'manual', at: at as never } });
      const truth = sandbox.control('GET', `/control/truth?account=${PAPER}`).body as {
        positions: Row[];
        activities: Row[];
      };
      expect(truth.positions).toHaveLength(10);
      // Nothing of the past is still waiting to be listed.
      const before = truth.activities.length;
      sandbox.control('POST', '/control/clock', { advance: '2d' });
      expect(
        (sandbox.control('GET', `/control/truth?account=${PAPER}`).body as { activities: Row[] }).activities,
      ).toHaveLength(before);
      await sandbox.close();
    }
  });

  it('scenario empty has accounts and nothing in them', async () => {
    await using play = await start();
    expect(play.truth()).toMatchObject({ positions: [], fills: [], cashByCurrency: { USD: '0' } });
    expect((await play.get('/v2/account')).body).toMatchObject({ cash: '0', equity: '0', buying_power: '0' });
    expect((await play.get('/v2/account/portfolio/history')).status).toBe(200);
  });

  it('scenario large holds as many stocks as asked for, each listed on the wire', async () => {
    await using play = await start({ scenario: 'large', positions: 23 });
    const { positions } = play.truth();
    expect(positions).toHaveLength(23);
    const listed = await play.rows('/v2/positions');
    expect(listed.map(({ symbol, qty }) => `${String(symbol)} ${String(qty)}`)).toEqual(
      positions.map(({ symbol, quantity }) => `${String(symbol)} ${String(quantity)}`),
    );
    expect(await play.rows('/v2/account/activities?page_size=100')).toHaveLength(24);
  });

  it('trade-all is one trade per stock held, as if each had been called alone', async () => {
    await using together = await start({ scenario: 'large', positions: 5 });
    await using alone = await start({ scenario: 'large', positions: 5 });
    for (const side of ['buy', 'sell'] as const) {
      const listed = await alone.rows('/v2/positions');
      const created = together.post('/control/trade-all', { account: PAPER, side, quantity: '7' });
      const single = alone.truth().positions.flatMap(({ symbol }) => {
        const price = listed.find((row) => row['symbol'] === symbol)?.['current_price'];
        return alone.post('/control/trade', { account: PAPER, symbol, side, quantity: '7', price });
      });
      expect(created.map((row) => row['symbol']).sort()).toEqual(single.map((row) => row['symbol']).sort());
      expect(together.truth().positions).toEqual(alone.truth().positions);
      expect(together.truth().balances).toEqual(alone.truth().balances);
    }
    expect(
      together.refused('/control/trade-all', { account: PAPER, side: 'buy', quantity: '1', price: '2' }),
    ).toContain('unknown field "price"');
  });
});

describe('the ready line and the settings file', () => {
  it('name every address and key; the file is for its owner only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox settings '));
    const homeBefore = process.env['TRUEBOOK_HOME'];
    delete process.env['TRUEBOOK_HOME'];
    try {
      const file = join(folder, 'sandbox.env');
      writeFileSync(file, 'OLD=1\n', { mode: 0o644 });
      await using play = await start({ envFile: file });
      const { ready } = play.sandbox;
      const settings = parseEnv(readFileSync(file, 'utf8'));
      expect(settings).toEqual({
        TRUEBOOK_HOME: join(folder, 'sandbox.env-home'),
        ALPACA_API_KEY__PAPER: ready.alpaca.paper.keyId,
        ALPACA_SECRET_KEY__PAPER: ready.alpaca.paper.secretKey,
        ALPACA_ENV__PAPER: 'paper',
        ALPACA_API_KEY__LIVE: ready.alpaca.live.keyId,
        ALPACA_SECRET_KEY__LIVE: ready.alpaca.live.secretKey,
        ALPACA_ENV__LIVE: 'live',
        ALPACA_PAPER_URL: ready.alpaca.paper.tradingUrl,
        ALPACA_LIVE_URL: ready.alpaca.live.tradingUrl,
        ALPACA_DATA_URL: ready.alpaca.paper.dataUrl,
        AUTOMATION_ORDER_IDS: 'auto-*',
        TRUEBOOK_CLOCK_URL: `${ready.control}/control/clock`,
      });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(settings['TRUEBOOK_HOME']!).isDirectory()).toBe(true);
      expect(ready.clockUrl).toBe(`${ready.control}/control/clock`);
      for (const env of [ready.alpaca.paper, ready.alpaca.live]) {
        expect(env.streamUrl).toBe(`${env.tradingUrl.replace('http', 'ws')}/stream`);
      }
      await using second = await start({ envFile: file, clock: 'wall' });
      const again = parseEnv(readFileSync(file, 'utf8'));
      expect(again['TRUEBOOK_HOME']).toBe(join(folder, 'sandbox.env-home-2'));
      expect(again['TRUEBOOK_CLOCK_URL']).toBeUndefined();
      expect(second.sandbox.ready.clockUrl).toBeUndefined();
      process.env['TRUEBOOK_HOME'] = folder;
      await using third = await start({ envFile: file });
      expect(third.sandbox.ready.ready).toBe(true);
      expect(parseEnv(readFileSync(file, 'utf8'))['TRUEBOOK_HOME']).toBeUndefined();
    } finally {
      if (homeBefore === undefined) delete process.env['TRUEBOOK_HOME'];
      else process.env['TRUEBOOK_HOME'] = homeBefore;
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('a taken port is said in one sentence', async () => {
    await using play = await start();
    const port = Number.parseInt(new URL(play.sandbox.controlUrl).port, 10);
    await expect(startSandbox({ port })).rejects.toThrow(/cannot listen/);
  });
});

/** Position and cash effects of what the wire lists, added up as a client would. */
async function added(play: Play): Promise<{ positions: Record<string, string>; cash: string }> {
  const rows: Row[] = [];
  for (let token = ''; ; token = String(rows.at(-1)!['id'])) {
    const page = await play.rows(`/v2/account/activities?page_size=100&page_token=${token}`);
    rows.push(...page);
    if (page.length < 100) break;
  }
  const held = new Map<string, Decimal>();
  let cash = Decimal.zero;
  for (const row of rows) {
    if (row['status'] === 'canceled') continue;
    if (row['activity_type'] === 'FILL') {
      const symbol = String(row['symbol']).replace('/', '');
      const sign = String(row['side']).startsWith('buy') ? decimal('1') : decimal('-1');
      const quantity = sign.times(decimal(String(row['qty'])));
      const multiplier = /\d{6}[CP]\d{8}$/.test(symbol) ? decimal('100') : decimal('1');
      held.set(symbol, (held.get(symbol) ?? Decimal.zero).plus(quantity));
      cash = cash.minus(quantity.times(decimal(String(row['price']))).times(multiplier));
      continue;
    }
    cash = cash.plus(decimal(String(row['net_amount'])));
    if (row['qty'] === undefined || row['activity_type'] === 'DIV') continue;
    const symbol = String(row['symbol']).replace('/', '');
    held.set(symbol, (held.get(symbol) ?? Decimal.zero).plus(decimal(row['qty'] as string)));
  }
  const positions = [...held]
    .filter(([, quantity]) => !quantity.isZero())
    .map(([symbol, quantity]) => [symbol, quantity.toString()]);
  return { positions: Object.fromEntries(positions) as Record<string, string>, cash: cash.toString() };
}

describe('whatever is played', () => {
  const symbols = [
    'AAPL',
    'KO',
    'BTC/USD',
    'SPY250919C00640000',
    'KO250919P00070000',
    'XMPL',
    'PEAR',
    'XMPL250919C00100000',
  ];
  const quantity = fc.constantFrom('1', '2', '3', '7', '0.5', '10');
  const price = fc.constantFrom('0.85', '12.5', '100.01', '333');
  const symbol = fc.constantFrom(...symbols);
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        call: fc.constant('trade'),
        symbol,
        side: fc.constantFrom('buy', 'sell'),
        quantity,
        price,
        fees: fc.constantFrom('0', '0.25'),
        publish: fc.constantFrom('now', 'next-day'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        call: fc.constant('cash'),
        kind: fc.constantFrom('deposit', 'withdrawal', 'dividend', 'interest', 'fee'),
        amount: price,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        call: fc.constant('option'),
        kind: fc.constantFrom('expire', 'assign', 'exercise'),
        symbol,
        quantity: fc.constant('1'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        call: fc.constant('transfer'),
        direction: fc.constantFrom('in', 'out'),
        symbol,
        quantity,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        call: fc.constant('corporate-action'),
        kind: fc.constant('split'),
        symbol: fc.constantFrom('AAPL', 'XMPL', 'KO'),
        newShares: fc.constantFrom('2', '3', '1'),
        oldShares: fc.constantFrom('1', '2', '10'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        call: fc.constant('corporate-action'),
        kind: fc.constant('rename'),
        symbol: fc.constantFrom('AAPL', 'XMPL'),
        to: fc.constantFrom('PEAR', 'YMPL'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        call: fc.constant('corporate-action'),
        kind: fc.constant('spinoff'),
        symbol: fc.constantFrom('AAPL', 'XMPL', 'KO'),
        to: fc.constantFrom('NEWCO', 'KO'),
        newShares: fc.constantFrom('1', '3'),
        perOld: fc.constantFrom('1', '7'),
        basisFraction: fc.constantFrom('0.125', '0.3'),
        publish: fc.constantFrom('now', 'next-day'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({
          call: fc.constant('corporate-action'),
          kind: fc.constant('merger'),
          symbol: fc.constantFrom('XMPL', 'KO', 'PEAR'),
          shares: fc.option(fc.constantFrom({ to: 'AAPL', newShares: '2', perOld: '3' })),
          cashPerShare: fc.constantFrom('3.337', '12'),
          cashInLieu: fc.option(fc.constant('4.5')),
        })
        .map(({ shares, cashInLieu, ...rest }) =>
          shares === null ? rest : { ...rest, ...shares, ...(cashInLieu === null ? {} : { cashInLieu }) },
        ),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        call: fc.constant('amend'),
        pick: fc.nat(20),
        kind: fc.constantFrom('correct', 'bust'),
        quantity,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ call: fc.constant('clock'), advance: fc.constantFrom('60s', '5h', '1d') }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        call: fc.constant('late'),
        symbol: fc.constantFrom('AAPL', 'XMPL'),
        quantity,
        price,
      }),
    },
  );

  it('once everything is listed, the rows add up to positions and cash, and truth says the same', async () => {
    let accepted = 0;
    let played = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await using play = await start();
        for (const one of steps) {
          const { call, pick, ...body } = one as Row & { call: string; pick?: number };
          let request: Row =
            call === 'corporate-action' || call === 'clock' ? body : { account: PAPER, ...body };
          if (call === 'late') request = { ...request, side: 'buy', at: '2025-08-21T13:30:00.123456Z' };
          if (call === 'amend') {
            const fills = play.truth().fills;
            if (fills.length === 0) continue;
            request = { ...request, fill: fills[pick! % fills.length]!['id'] };
            if (body['kind'] === 'bust') delete request['quantity'];
          }
          played += 1;
          const answer = play.sandbox.control(
            'POST',
            `/control/${call === 'late' ? 'trade' : call}`,
            request,
          );
          if (answer.status === 200) accepted += 1;
          else expect(answer.status, JSON.stringify(answer.body)).toBe(400);
        }
        play.play('clock 3d');
        const sums = await added(play);
        const wire = Object.fromEntries(
          (await play.rows('/v2/positions')).map((row) => [row['symbol'], row['qty']]),
        );
        const truth = play.truth();
        expect(sums.positions).toEqual(wire);
        expect(
          Object.fromEntries(
            truth.positions.map((row) => [String(row['symbol']).replace('/', ''), row['quantity']]),
          ),
        ).toEqual(wire);
        expect(sums.cash).toBe(((await play.get('/v2/account')).body as Row)['cash']);
      }),
      { numRuns: 40, seed: 20250821 },
    );
    // The sequences are real only if most of them are not refused.
    expect(accepted / played).toBeGreaterThan(0.6);
  });
});
