import { describe, expect, it } from 'vitest';
import { PAPER, start, type Row } from './play.ts';

const positionsOf = (rows: Row[]): Row =>
  Object.fromEntries(rows.map((row) => [row['symbol'], row['quantity']]));

describe('trades', () => {
  it('move position and cash, and are listed under the id the control call answered', async () => {
    await using play = await start();
    play.play('deposit 10000');
    const [fill] = play.play('buy 10 AAPL @ 200.10 ref auto-1');
    expect(fill).toMatchObject({
      symbol: 'AAPL',
      side: 'buy',
      quantity: '10',
      price: '200.1',
      status: 'ok',
      clientRef: 'auto-1',
    });
    const [activity] = await play.rows('/v2/account/activities/FILL');
    expect(activity).toMatchObject({
      id: fill!['id'],
      qty: '10',
      price: '200.1',
      side: 'buy',
      order_status: 'filled',
    });
    expect((await play.get('/v2/account')).body).toMatchObject({ cash: '7999' });
    const [order] = await play.rows('/v2/orders?status=all');
    expect(order).toMatchObject({
      client_order_id: 'auto-1',
      status: 'filled',
      filled_qty: '10',
      id: fill!['orderId'],
    });
    expect(play.truth().fills).toEqual([
      expect.objectContaining({ id: fill!['id'], fees: null, executedAt: '2025-08-21T16:00:00Z' }),
    ]);
  });

  it('keep every digit of numbers given as JSON numbers', async () => {
    await using play = await start();
    const response = await fetch(`${play.sandbox.controlUrl}/control/trade`, {
      method: 'POST',
      body: `{"account":"${PAPER}","symbol":"BTC/USD","side":"buy","quantity":0.123456789,"price":112480.10000000000000000001}`,
    });
    const { created } = (await response.json()) as { created: Row[] };
    expect(created[0]).toMatchObject({ quantity: '0.123456789', price: '112480.10000000000000000001' });
  });

  it('fill one order in parts, then cancel the rest', async () => {
    await using play = await start();
    const part = { account: PAPER, symbol: 'KO', side: 'buy', price: '70' };
    const [first] = play.post('/control/trade', {
      ...part,
      quantity: '4',
      order: { id: 'mine', quantity: '10' },
    });
    expect(await play.rows('/v2/orders')).toEqual([
      expect.objectContaining({ status: 'partially_filled', filled_qty: '4', qty: '10' }),
    ]);
    const [second] = play.post('/control/trade', {
      ...part,
      price: '71',
      quantity: '2',
      order: { id: 'mine' },
    });
    expect(second!['orderId']).toBe(first!['orderId']);
    expect(play.refused('/control/trade', { ...part, quantity: '5', order: { id: 'mine' } })).toContain(
      '4 left',
    );
    play.post('/control/trade', { account: PAPER, order: { id: 'mine', cancel: true } });
    expect(await play.rows('/v2/orders')).toEqual([]);
    const [order] = await play.rows('/v2/orders?status=closed');
    expect(order).toMatchObject({ status: 'canceled', filled_qty: '6', filled_avg_price: '70.333333333' });
    const fills = await play.rows('/v2/account/activities/FILL?direction=asc');
    const summaries = fills.map((fill) => [fill['type'], fill['cum_qty'], fill['leaves_qty']]);
    expect(summaries.sort()).toEqual([
      ['partial_fill', '4', '6'],
      ['partial_fill', '6', '4'],
    ]);
    expect(play.refused('/control/trade', { ...part, quantity: '1', order: { id: 'mine' } })).toContain(
      'not open',
    );
  });

  it('sell short on opening sales only, with a negative position', async () => {
    await using play = await start();
    play.play('sell 1 KO250919P00070000 @ 0.85');
    play.play('sell 5 TSLA @ 320');
    play.play('buy 2 TSLA @ 310');
    play.play('buy 3 AAPL @ 200\n sell 1 AAPL @ 201');
    const sides = (await play.rows('/v2/account/activities/FILL')).map((row) =>
      [row['symbol'], row['side']].join(' '),
    );
    expect(sides.sort()).toEqual([
      'AAPL buy',
      'AAPL sell',
      'KO250919P00070000 sell_short',
      'TSLA buy',
      'TSLA sell_short',
    ]);
    const tesla = (await play.rows('/v2/positions')).find((row) => row['symbol'] === 'TSLA');
    expect(tesla).toMatchObject({ qty: '-3', side: 'short', avg_entry_price: '320', cost_basis: '-960' });
  });

  it('listed next day or never move the position at once', async () => {
    await using play = await start();
    play.play('buy 1 AAPL @ 200 next-day\n buy 1 KO @ 70 never');
    expect(positionsOf(play.truth().positions)).toEqual({ AAPL: '1', KO: '1' });
    expect(play.truth().fills).toEqual([]);
    play.play('clock 12h'); // midnight New York: not yet
    expect(await play.rows('/v2/account/activities')).toEqual([]);
    play.play('clock 4h\n clock 30m');
    const rows = await play.rows('/v2/account/activities');
    expect(rows.map((row) => row['symbol'])).toEqual(['AAPL']);
    expect(String(rows[0]!['id']).slice(0, 17)).toBe('20250821120000000');
    expect(play.truth().fills.map((fill) => fill['symbol'])).toEqual(['AAPL']);
  });

  it('take fees at the end of the day: dollars of stocks, coins of coins', async () => {
    await using play = await start();
    play.play('deposit 100000\n buy 10 AAPL @ 200 fees 0.5\n buy 2 BTC/USD @ 1000 fees 5');
    expect(play.truth().cashByCurrency).toEqual({ USD: '96000' });
    play.play('clock 7h'); // 19:00 New York
    expect(play.truth().cashByCurrency).toEqual({ USD: '96000' });
    play.play('clock 1h');
    expect(play.truth().cashByCurrency).toEqual({ USD: '95999.5' });
    expect(positionsOf(play.truth().positions)).toEqual({ AAPL: '10', 'BTC/USD': '1.995' });
    const rows = await play.rows('/v2/account/activities?category=non_trade_activity');
    const fees = rows.filter((row) => String(row['activity_type']).endsWith('FEE'));
    expect(fees).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ activity_type: 'FEE', net_amount: '-0.5', date: '2025-08-21' }),
        expect.objectContaining({
          activity_type: 'CFEE',
          net_amount: '0',
          qty: '-0.005',
          price: '1000',
          symbol: 'BTCUSD',
        }),
      ]),
    );
    expect(play.truth().cash.map((row) => [row['kind'], row['amount']])).toContainEqual(['fee', '-0.5']);
  });

  it.each([
    [{ account: 'nobody' }, 'unknown account'],
    [{ bogus: 1 }, '"bogus"'],
    [{ symbol: '??' }, 'no stock'],
    [{ side: 'hold' }, 'side'],
    [{ quantity: '0' }, 'above 0'],
    [{ quantity: 'ten' }, 'decimal'],
    [{ quantity: '-1' }, 'above 0'],
    [{ price: '-1' }, 'negative'],
    [{ publish: 'soon' }, 'publish'],
    [{ at: '2025-08-21T16:00:01Z' }, 'future'],
    [{ at: '2020-01-02T16:00:01Z' }, 'opened'],
    [{ at: 'noon' }, 'instant'],
    [{ symbol: 'SPY250919C00640000', quantity: '1.5' }, 'whole'],
    [{ symbol: 'BTC/USD', side: 'sell' }, 'short'],
    [{ order: { id: 'x', quantity: '1' } }, 'left'],
    [{ order: { size: '1' } }, '"order.size"'],
    [{ clientRef: true }, 'text'],
  ])('refuses %j', async (change, reason) => {
    await using play = await start();
    const good = { account: PAPER, symbol: 'AAPL', side: 'buy', quantity: '2', price: '100' };
    expect(play.refused('/control/trade', { ...good, ...change })).toContain(reason);
    expect(play.truth().positions).toEqual([]);
  });
});

describe('cash', () => {
  it('becomes CSD, CSW, DIV, INT and FEE rows with signed amounts', async () => {
    await using play = await start();
    play.play('deposit 1000\n withdrawal 100.25\n buy 4 KO @ 10\n dividend 2 KO\n interest -0.4\n fee 1.1');
    const rows = await play.rows('/v2/account/activities?category=non_trade_activity');
    const amounts = Object.fromEntries(rows.map((row) => [row['activity_type'], row['net_amount']]));
    expect(amounts).toEqual({ CSD: '1000', CSW: '-100.25', DIV: '2', INT: '-0.4', FEE: '-1.1' });
    expect(rows.find((row) => row['activity_type'] === 'DIV')).toMatchObject({
      symbol: 'KO',
      qty: '4',
      per_share_amount: '0.5',
    });
    expect(play.truth().cashByCurrency).toEqual({ USD: '860.25' });
    expect(play.refused('/control/cash', { account: PAPER, kind: 'deposit', amount: '-1' })).toContain(
      'above 0',
    );
    expect(play.refused('/control/cash', { account: PAPER, kind: 'bribe', amount: '1' })).toContain('kind');
  });
});

describe('corporate actions', () => {
  it('split shares on every account that holds them, and standard options with a new strike', async () => {
    await using play = await start();
    play.play('buy 25 XMPL @ 400\n sell 2 XMPL250919C00400000 @ 5');
    play.post('/control/trade', {
      account: 'alpaca-live',
      symbol: 'XMPL',
      side: 'sell',
      quantity: '3',
      price: '400',
    });
    play.play('price XMPL 400\n split XMPL 4:1');
    expect(positionsOf(play.truth().positions)).toEqual({ XMPL: '100', XMPL250919C00100000: '-8' });
    expect(positionsOf(play.truth('alpaca-live').positions)).toEqual({ XMPL: '-12' });
    const splits = await play.rows('/v2/account/activities/SPLIT');
    expect(splits.map((row) => [row['qty'], row['price'], row['activity_sub_type']]).sort()).toEqual([
      ['-25', '400', 'FSPLIT'],
      ['100', '100', 'FSPLIT'],
    ]);
    expect(new Set(splits.map((row) => row['group_id'])).size).toBe(1);
    const options = await play.rows('/v2/account/activities/OPCA');
    expect(options.map((row) => [row['symbol'], row['qty'], row['activity_sub_type']]).sort()).toEqual([
      ['XMPL250919C00100000', '-8', 'SPLIT.FSPLIT'],
      ['XMPL250919C00400000', '2', 'SPLIT.FSPLIT'],
    ]);
    const xmpl = (await play.rows('/v2/positions')).find((row) => row['symbol'] === 'XMPL');
    expect(xmpl).toMatchObject({ current_price: '100', avg_entry_price: '100', cost_basis: '10000' });
  });

  it('pay cash for the fraction a reverse split leaves, and adjust what an option delivers', async () => {
    await using play = await start();
    play.play('buy 25 XMPL @ 4\n buy 1 XMPL250919C00005000 @ 0.1');
    play.post('/control/corporate-action', {
      kind: 'split',
      symbol: 'XMPL',
      newShares: '1',
      oldShares: '10',
      cashInLieu: '20.5',
    });
    expect(positionsOf(play.truth().positions)).toEqual({ XMPL: '2', XMPL1250919C00005000: '1' });
    expect(await play.rows('/v2/account/activities/CIL')).toEqual([
      expect.objectContaining({ net_amount: '20.5', symbol: 'XMPL' }),
    ]);
    const contract = (await play.get('/v2/options/contracts/XMPL1250919C00005000')).body;
    expect(contract).toMatchObject({
      multiplier: '100',
      size: '10',
      underlying_symbol: 'XMPL',
      deliverables: [{ amount: '10' }],
    });
  });

  it('rename keeps the quantity, ends open orders and refuses the old name', async () => {
    await using play = await start();
    play.play('buy 6 AAPL @ 200\n buy 1 AAPL250919C00200000 @ 5');
    const before = (await play.rows('/v2/positions')).find((row) => row['symbol'] === 'AAPL');
    play.post('/control/trade', {
      account: PAPER,
      symbol: 'AAPL',
      side: 'sell',
      quantity: '0',
      price: '300',
      order: { id: 'rests', quantity: '2' },
    });
    play.play('rename AAPL PEAR');
    expect(positionsOf(play.truth().positions)).toEqual({ PEAR: '6', PEAR250919C00200000: '1' });
    const after = (await play.rows('/v2/positions')).find((row) => row['symbol'] === 'PEAR');
    expect(after!['asset_id']).toBe(before!['asset_id']);
    expect(after!['avg_entry_price']).toBe('200');
    expect(await play.rows('/v2/orders')).toEqual([]);
    expect(
      play
        .truth()
        .fills.map((fill) => fill['symbol'])
        .sort(),
    ).toEqual(['AAPL', 'AAPL250919C00200000']);
    expect(
      play.refused('/control/trade', { account: PAPER, symbol: 'AAPL', side: 'buy', quantity: 1, price: 1 }),
    ).toContain('PEAR');
    expect(play.refused('/control/corporate-action', { kind: 'rename', symbol: 'PEAR', to: 'KO' })).toContain(
      'another stock',
    );
    expect(
      play.refused('/control/corporate-action', { kind: 'rename', symbol: 'PEAR', to: 'TOOLONGNAME' }),
    ).toContain('no stock');
  });
});

describe('options', () => {
  it('expire, are assigned and exercised: positions and cash at once, rows next day', async () => {
    await using play = await start();
    play.play(`
      deposit 100000
      sell 1 KO250919P00070000 @ 0.85
      buy 2 SPY250919P00620000 @ 1.1
      buy 1 AAPL250919C00200000 @ 12
    `);
    const cash = play.truth().cashByCurrency['USD'];
    play.play('assign 1 KO250919P00070000\n expire 2 SPY250919P00620000\n exercise 1 AAPL250919C00200000');
    expect(positionsOf(play.truth().positions)).toEqual({ KO: '100', AAPL: '100' });
    expect(play.truth().cashByCurrency['USD']).toBe('71665'); // 100,000 + 85 - 220 - 1,200 - 7,000 - 20,000
    expect(cash).toBe('98665');
    expect(await play.rows('/v2/account/activities?activity_types=OPASN,OPEXP,OPEXC,OPTRD')).toEqual([]);
    play.play('clock next-day');
    const rows = await play.rows('/v2/account/activities?activity_types=OPASN,OPEXP,OPEXC,OPTRD');
    const shown = rows.map((row) =>
      [row['activity_type'], row['symbol'], row['qty'], row['net_amount'], row['date']].join(' '),
    );
    expect(shown.sort()).toEqual([
      'OPASN KO250919P00070000 1 0 2025-08-21',
      'OPEXC AAPL250919C00200000 -1 0 2025-08-21',
      'OPEXP SPY250919P00620000 -2 0 2025-08-21',
      'OPTRD AAPL 100 -20000 2025-08-21',
      'OPTRD KO 100 -7000 2025-08-21',
    ]);
    expect(rows.every((row) => String(row['created_at']).startsWith('2025-08-22T08:30:00'))).toBe(true);
  });

  it('refuse what cannot happen to them', async () => {
    await using play = await start();
    play.play('buy 1 AAPL250919C00200000 @ 12');
    const event = { account: PAPER, symbol: 'AAPL250919C00200000', quantity: '1' };
    expect(play.refused('/control/option', { ...event, kind: 'assign' })).toContain('short');
    expect(play.refused('/control/option', { ...event, kind: 'expire', quantity: '2' })).toContain('holds 1');
    expect(play.refused('/control/option', { ...event, kind: 'expire', symbol: 'AAPL' })).toContain(
      'not an option',
    );
    expect(play.refused('/control/option', { ...event, kind: 'expire', publish: 'never' })).toContain(
      'publish',
    );
  });
});

describe('transfers', () => {
  it('move shares without a fill and without cash', async () => {
    await using play = await start();
    play.play('transfer in 5 KO\n transfer out 2 KO');
    expect(positionsOf(play.truth().positions)).toEqual({ KO: '3' });
    expect(play.truth().fills).toEqual([]);
    const rows = await play.rows('/v2/account/activities');
    expect(rows.map((row) => [row['activity_type'], row['qty'], row['net_amount']]).sort()).toEqual([
      ['ACATS', '5', '0'],
      ['FOPT', '-2', '0'],
    ]);
    expect(
      play.refused('/control/transfer', { account: PAPER, direction: 'out', symbol: 'KO', quantity: '4' }),
    ).toContain('holds 3');
  });
});

describe('amendments', () => {
  it('re-list the same id: a correction with new values, a bust as canceled', async () => {
    await using play = await start();
    play.play('deposit 10000');
    const [fill] = play.play('buy 10 AAPL @ 200');
    play.post('/control/amend', {
      account: PAPER,
      fill: fill!['id'],
      kind: 'correct',
      price: '199.5',
      quantity: '11',
    });
    expect(await play.rows('/v2/account/activities/FILL')).toEqual([
      expect.objectContaining({ id: fill!['id'], qty: '11', price: '199.5' }),
    ]);
    expect(play.truth().cashByCurrency).toEqual({ USD: '7805.5' });
    play.post('/control/amend', { account: PAPER, fill: fill!['id'], kind: 'bust' });
    expect(await play.rows('/v2/account/activities/FILL')).toEqual([
      expect.objectContaining({ id: fill!['id'], qty: '11', status: 'canceled' }),
    ]);
    expect(play.truth()).toMatchObject({
      positions: [],
      cashByCurrency: { USD: '10000' },
      fills: [{ status: 'bust', quantity: '11', price: '199.5' }],
    });
    expect(play.refused('/control/amend', { account: PAPER, fill: fill!['id'], kind: 'bust' })).toContain(
      'already',
    );
    expect(play.refused('/control/amend', { account: PAPER, fill: 'nothing', kind: 'bust' })).toContain(
      'no such fill',
    );
  });

  it('reach through a later split: its rows are re-listed with what was really held', async () => {
    await using play = await start();
    const [fill] = play.play('buy 10 XMPL @ 100');
    play.play('split XMPL 2:1');
    play.post('/control/amend', { account: PAPER, fill: fill!['id'], kind: 'correct', quantity: '12' });
    expect(positionsOf(play.truth().positions)).toEqual({ XMPL: '24' });
    const quantities = (await play.rows('/v2/account/activities/SPLIT')).map((row) => row['qty']);
    expect(quantities.sort()).toEqual(['-12', '24']);
    play.post('/control/amend', { account: PAPER, fill: fill!['id'], kind: 'bust' });
    expect(play.truth().positions).toEqual([]);
    const states = (await play.rows('/v2/account/activities/SPLIT')).map((row) => row['status']);
    expect(states).toEqual(['canceled', 'canceled']);
  });
});

describe('account, price and clock', () => {
  it('a reset opens another account under the same keys', async () => {
    await using play = await start({ scenario: 'default' });
    const before = (await play.get('/v2/account')).body as Row;
    expect((await play.rows('/v2/positions')).length).toBeGreaterThan(5);
    play.post('/control/account', { account: PAPER, action: 'reset' });
    const after = (await play.get('/v2/account')).body as Row;
    expect(after).toMatchObject({ cash: '100000', status: 'ACTIVE' });
    expect(after['id']).not.toBe(before['id']);
    expect(after['account_number']).not.toBe(before['account_number']);
    expect(await play.rows('/v2/positions')).toEqual([]);
    expect((await play.rows('/v2/account/activities')).map((row) => row['activity_type'])).toEqual(['JNLC']);
  });

  it('a set price is the mark of shares and of option contracts', async () => {
    await using play = await start();
    play.play(
      'buy 2 AAPL @ 200\n buy 1 AAPL250919C00200000 @ 12\n price AAPL 250.5\n price AAPL250919C00200000 51',
    );
    const [shares, contract] = await play.rows('/v2/positions');
    expect(shares).toMatchObject({ current_price: '250.5', market_value: '501', unrealized_pl: '101' });
    expect(contract).toMatchObject({ current_price: '51', market_value: '5100', unrealized_pl: '3900' });
  });

  it('the manual clock moves forward only, by milliseconds, spans or to an instant', async () => {
    await using play = await start();
    play.post('/control/clock', { advance: 1500 });
    expect(play.sandbox.control('GET', '/control/clock').body).toEqual({ now: '2025-08-21T16:00:01.5Z' });
    play.post('/control/clock', { advance: '1d' });
    play.post('/control/clock', { at: '2025-08-23T00:00:00Z' });
    expect((await play.get('/v2/clock')).body).toMatchObject({
      timestamp: '2025-08-22T20:00:00-04:00',
      is_open: false,
    });
    expect(play.refused('/control/clock', { at: '2025-08-22T00:00:00Z' })).toContain('forward');
    expect(play.refused('/control/clock', { advance: 'soon' })).toContain('advance');
    expect(play.refused('/control/clock', {})).toContain('either');
    await using wall = await start({ clock: 'wall' });
    expect(wall.refused('/control/clock', { advance: '1d' })).toContain('wall time');
  });

  it('prices on a manual clock change with the clock only', async () => {
    await using play = await start({ scenario: 'default' });
    const equity = async (): Promise<unknown> => ((await play.get('/v2/account')).body as Row)['equity'];
    const before = await equity();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await equity()).toBe(before);
    play.play('clock 3h');
    expect(await equity()).not.toBe(before);
  });
});

describe('the control address', () => {
  it('lists requests in order, without secrets, and truth of all accounts', async () => {
    await using play = await start();
    await play.get('/v2/positions?x=1');
    await play.data('/v2/stocks/snapshots?symbols=AAPL');
    const log = (await (await fetch(`${play.sandbox.controlUrl}/control/requests`)).json()) as Row[];
    expect(log).toEqual([
      {
        at: '2025-08-21T16:00:00Z',
        broker: 'alpaca',
        account: PAPER,
        method: 'GET',
        host: new URL(play.paper.tradingUrl).host,
        path: '/v2/positions',
        query: 'x=1',
      },
      expect.objectContaining({ path: '/v2/stocks/snapshots', host: new URL(play.paper.dataUrl).host }),
    ]);
    expect(JSON.stringify(log)).not.toContain(play.paper.secretKey);
    const all = (await (await fetch(`${play.sandbox.controlUrl}/control/truth`)).json()) as Row[];
    expect(all.map((truth) => truth['account'])).toEqual(['alpaca-paper', 'alpaca-live']);
  });

  it('answers 400 to broken JSON and 404 to unknown paths', async () => {
    await using play = await start();
    const broken = await fetch(`${play.sandbox.controlUrl}/control/trade`, {
      method: 'POST',
      body: '{"account":',
    });
    expect(broken.status).toBe(400);
    expect(play.sandbox.control('GET', '/control/nothing').status).toBe(404);
    expect(play.sandbox.control('GET', '/control/truth?account=nobody').status).toBe(400);
  });
});
