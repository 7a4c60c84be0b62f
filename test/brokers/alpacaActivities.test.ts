import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ACTIVITY_RULES } from '../../src/brokers/alpaca/activityRules.ts';
import { mapActivity } from '../../src/brokers/alpaca/map.ts';
import { type ActivitiesAnswer, type Broker } from '../../src/brokers/broker.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { openReplayed, type Replay, rowsOf, sendJson, startReplay } from './replay.ts';

type Row = Record<string, unknown>;

const ID = '20250815000000000::7c7e1714-b897-4918-ab84-7f8b0e23bb13';

/** A row as the wire has it, with what the test is about. */
function nonTrade(type: string, fields: Row = {}): Row {
  return {
    id: ID,
    activity_type: type,
    date: '2025-08-15',
    created_at: '2025-08-16T08:23:24.973256Z',
    net_amount: '0',
    status: 'executed',
    ...fields,
  };
}

function fill(fields: Row = {}): Row {
  return {
    id: '20250821100553694::f5929bd3-a17b-464c-8085-9dc69f77b4c9',
    activity_type: 'FILL',
    transaction_time: '2025-08-21T14:05:53.69412Z',
    type: 'fill',
    price: '9.4',
    qty: '2',
    side: 'buy',
    symbol: 'AAPL',
    order_id: '9f744cef-f6d5-424e-8751-544fd68aae9c',
    ...fields,
  };
}

function understood(row: Row): Activity {
  const mapped = mapActivity(row, 'activities[0]', new Map());
  if (mapped.row === null) throw new Error(`${mapped.problem?.path}: ${mapped.problem?.reason}`);
  return mapped.row;
}

function refusal(row: Row): string {
  const mapped = mapActivity(row, 'activities[17]', new Map());
  return mapped.row === null ? `${mapped.problem?.path}: ${mapped.problem?.reason}` : 'understood';
}

/** `kind quantity amount time`, as a person checks it. */
function effect(row: Row): string {
  const { kind, quantity, amount, executedAt, timePrecision } = understood(row);
  return `${kind} ${quantity.toString()} ${amount?.toString()} ${executedAt} ${timePrecision}`;
}

const START = '2025-08-15T04:00:00Z day';
const END = '2025-08-16T03:59:59Z day';

describe('what every activity type does', () => {
  const CALL = { symbol: 'SPY250822C00635000' };
  const STOCK = { symbol: 'KO' };
  const cash = { net_amount: '-12.34' };
  const income = { net_amount: '7.8', symbol: 'AAPL', qty: '30', per_share_amount: '0.26' };
  const table: [string, Row, string][] = [
    ['SPLIT', { ...STOCK, qty: '-25' }, `split -25 0 ${START}`],
    ['SPLIT', { ...STOCK, qty: '100' }, `split 100 0 ${START}`],
    ['SSP', { ...STOCK, qty: '100' }, `split 100 0 ${START}`],
    ['NC', { ...STOCK, qty: '-5' }, `rename -5 0 ${START}`],
    ['SC', { ...STOCK, qty: '5' }, `rename 5 0 ${START}`],
    ['SPIN', { ...STOCK, qty: '5' }, `spinoff 5 0 ${START}`],
    ['SSO', { ...STOCK, qty: '5' }, `spinoff 5 0 ${START}`],
    ['MA', { ...STOCK, qty: '-5', net_amount: '250' }, `merger -5 250 ${START}`],
    ['MA', { ...STOCK, net_amount: '250' }, `merger 0 250 ${START}`],
    ['REO', { ...STOCK, qty: '-5', net_amount: '250' }, `reorganization -5 250 ${START}`],
    ['REORG', { ...STOCK, qty: '-5' }, `reorganization -5 0 ${START}`],
    ['VOF', { net_amount: '5' }, `reorganization 0 5 ${START}`],
    ['OPCA', { ...CALL, qty: '-1', net_amount: '107' }, `option_corporate_action -1 107 ${START}`],
    ['OPASN', { ...CALL, qty: '1' }, `option_assignment 1 0 ${END}`],
    ['OPEXC', { ...CALL, qty: '-2' }, `option_exercise -2 0 ${END}`],
    ['OPEXC', { ...CALL, qty: '2' }, `option_exercise -2 0 ${END}`],
    ['OPXRC', { ...CALL, qty: '-2' }, `option_exercise -2 0 ${END}`],
    ['OPEXP', { ...CALL, qty: '-2' }, `option_expiry -2 0 ${END}`],
    ['OPEXP', { ...CALL, qty: '1' }, `option_expiry 1 0 ${END}`],
    ['OPTRD', { ...STOCK, qty: '100', net_amount: '-7000' }, `option_delivery 100 -7000 ${END}`],
    ['OPTRD', { ...STOCK, qty: '-100', net_amount: '7000' }, `option_delivery -100 7000 ${END}`],
    ['OPCSH', { ...CALL, net_amount: '55' }, `option_delivery 0 55 ${END}`],
    ['ACATS', { ...STOCK, qty: '10' }, `security_transfer 10 0 ${START}`],
    ['JNLS', { ...STOCK, qty: '-10' }, `security_transfer -10 0 ${START}`],
    ['FOPT', { ...STOCK, qty: '10' }, `security_transfer 10 0 ${START}`],
    ['OCT', { symbol: 'BTCUSD', qty: '0.5' }, `security_transfer 0.5 0 ${START}`],
    ['CSD', { net_amount: '2500' }, `deposit 0 2500 ${START}`],
    ['CSW', { net_amount: '-2500' }, `withdrawal 0 -2500 ${START}`],
    ['JNLC', { net_amount: '95000' }, `cash_transfer 0 95000 ${START}`],
    ['JNL', cash, `cash_transfer 0 -12.34 ${START}`],
    ['ACATC', cash, `cash_transfer 0 -12.34 ${START}`],
    ['MEM', cash, `cash_transfer 0 -12.34 ${START}`],
    ['SWP', cash, `cash_transfer 0 -12.34 ${START}`],
    ['DIV', { ...income, activity_sub_type: 'CDIV' }, `dividend 0 7.8 ${START}`],
    ['DIV', { ...income, activity_sub_type: 'SDIV' }, `stock_dividend 30 7.8 ${START}`],
    ['DIV', { ...income, activity_sub_type: 'SPD' }, `dividend 0 7.8 ${START}`],
    ['DIV', { ...income, activity_sub_type: 'ROC' }, `return_of_capital 0 7.8 ${START}`],
    ['DIVTXEX', income, `dividend 0 7.8 ${START}`],
    ['DIVCGL', income, `capital_gain_distribution 0 7.8 ${START}`],
    ['DIVCGS', income, `capital_gain_distribution 0 7.8 ${START}`],
    ['CGD', income, `capital_gain_distribution 0 7.8 ${START}`],
    ['DIVROC', income, `return_of_capital 0 7.8 ${START}`],
    ['CIL', income, `cash_in_lieu 0 7.8 ${START}`],
    ['INT', { net_amount: '1.5' }, `interest 0 1.5 ${END}`],
    ['PTR', { net_amount: '1.5' }, `rebate 0 1.5 ${END}`],
    ['FEE', cash, `fee 0 -12.34 ${END}`],
    ['DIVFEE', cash, `fee 0 -12.34 ${END}`],
    ['PTC', cash, `fee 0 -12.34 ${END}`],
    ['CFEE', { symbol: 'BTCUSD', qty: '-0.000125', price: '60000' }, `crypto_fee -0.000125 0 ${END}`],
    ['CFEE', { symbol: 'BTC/USD', qty: '0.000125', price: '60000' }, `crypto_fee -0.000125 0 ${END}`],
    ['CFEE', cash, `crypto_fee 0 -12.34 ${END}`],
    ['DIVFT', cash, `tax_withheld 0 -12.34 ${END}`],
    ['DIVNRA', cash, `tax_withheld 0 -12.34 ${END}`],
    ['DIVTW', cash, `tax_withheld 0 -12.34 ${END}`],
    ['DIVWH', cash, `tax_withheld 0 -12.34 ${END}`],
    ['INTNRA', cash, `tax_withheld 0 -12.34 ${END}`],
    ['INTTW', cash, `tax_withheld 0 -12.34 ${END}`],
    ['WH', cash, `tax_withheld 0 -12.34 ${END}`],
    ['EXTRD', cash, `other 0 -12.34 ${END}`],
    ['FXTRD', cash, `other 0 -12.34 ${END}`],
    ['INTPNL', cash, `other 0 -12.34 ${END}`],
    ['SOMETHING_NEW', cash, `other 0 -12.34 ${END}`],
  ];

  test.each(table)('%s %o', (type, fields, expected) => {
    expect(effect(nonTrade(type, fields))).toBe(expected);
  });

  test('no type of the table is left out of this test', () => {
    const tested = new Set(table.map(([type]) => type));
    expect(Object.keys(ACTIVITY_RULES).filter((type) => !tested.has(type))).toEqual([]);
  });

  test('money and dividends take their creation time when it is on their date', () => {
    const created = { created_at: '2025-08-15T12:30:12.070401Z', net_amount: '2500' };
    expect(effect(nonTrade('CSD', created))).toBe('deposit 0 2500 2025-08-15T12:30:12.070401Z instant');
    // Corporate actions and option events do not: they take effect before or after the day's trading.
    expect(effect(nonTrade('SPLIT', { ...created, symbol: 'KO', qty: '1', net_amount: '0' }))).toBe(
      `split 1 0 ${START}`,
    );
    expect(effect(nonTrade('OPEXP', { ...created, ...CALL, qty: '-1', net_amount: '0' }))).toBe(
      `option_expiry -1 0 ${END}`,
    );
  });

  test('the price of a stock leg comes from the money, the printed one is kept beside it', () => {
    const row = understood(
      nonTrade('OPTRD', { symbol: 'KO', qty: '200', net_amount: '-30000', price: '90' }),
    );
    expect([row.price?.toString(), row.details]).toEqual(['150', { price: '90' }]);
  });

  test('identity: type, id, symbol and the sign of what moves', () => {
    const root = (type: string, fields: Row): string => understood(nonTrade(type, fields)).rootId;
    expect(root('OPASN', { symbol: 'KO250815P00070000', qty: '1' })).toBe(`OPASN:${ID}:KO250815P00070000:+`);
    expect(root('OPTRD', { symbol: 'KO', qty: '-100', net_amount: '7000' })).toBe(`OPTRD:${ID}:KO:-`);
    expect(root('DIV', { symbol: 'KO', qty: '30', net_amount: '-1' })).toBe(`DIV:${ID}:KO:-`);
    expect(root('CSW', { net_amount: '-1' })).toBe(`CSW:${ID}::-`);
    expect(root('JNLC', { net_amount: '0' })).toBe(`JNLC:${ID}::+`);
    expect(root('CFEE', { symbol: 'BTC/USD', qty: '0.1' })).toBe(`CFEE:${ID}:BTC/USD:-`);
  });

  test('canceled is a bust, correct and absent are good, anything else is not understood', () => {
    const status = (word: unknown): string =>
      understood(nonTrade('FEE', { net_amount: '-1', status: word })).status;
    expect(['executed', 'correct', undefined, null, ''].map(status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(status('canceled')).toBe('bust');
    expect(refusal(nonTrade('FEE', { net_amount: '-1', status: 'pending' }))).toBe(
      'activities[17].status: unknown activity status "pending"',
    );
    const bust = understood(fill({ status: 'canceled' }));
    expect([bust.status, bust.quantity.toString(), bust.price?.toString()]).toEqual(['bust', '2', '9.4']);
  });
});

describe('fills', () => {
  test.each([
    ['buy', 'AAPL', 'buy 2 -18.8'],
    ['sell', 'AAPL', 'sell -2 18.8'],
    ['sell_short', 'QQQ250919C00590000', 'sell -2 1880'],
    ['buy_to_cover', 'AAPL', 'buy 2 -18.8'],
    ['buy', 'BTC/USD', 'buy 2 -18.8'],
  ])('%s %s', (side, symbol, expected) => {
    const row = understood(fill({ side, symbol }));
    expect(`${row.side} ${row.quantity.toString()} ${row.amount?.toString()}`).toBe(expected);
    expect(row.rootId).toBe(`FILL:${row.externalId}`);
  });

  test('tiny and huge numbers are exact', () => {
    const row = understood(fill({ qty: '0.000000001', price: '122011.09751111286868' }));
    expect(row.amount?.toString()).toBe('-0.00012201109751111286868');
    expect(understood(fill({ qty: '1e15', price: '0.0001' })).amount?.toString()).toBe('-100000000000');
  });

  test('the trade date is the New York day of the execution', () => {
    expect(understood(fill({ transaction_time: '2025-08-22T03:59:59.999Z' })).tradeDate).toBe('2025-08-21');
    expect(understood(fill({ transaction_time: '2025-08-21T23:59:59-04:00' })).executedAt).toBe(
      '2025-08-22T03:59:59Z',
    );
  });

  test('crypto in both spellings is one instrument, tickers that look alike are not crypto', () => {
    const id = (symbol: string): string => understood(fill({ symbol })).instrument!.id;
    expect([id('BTCUSD'), id('BTC/USD'), id('ETHBTC'), id('DUSD'), id('BRK.B')]).toEqual([
      'crypto:BTC/USD',
      'crypto:BTC/USD',
      'crypto:ETH/BTC',
      'equity:DUSD:USD',
      'equity:BRK.B:USD',
    ]);
  });

  test('the money of an adjusted option is not guessed', () => {
    const symbol = 'SOXS2260821C00005000';
    const unknown = mapActivity(fill({ symbol }), 'activities[3]', new Map());
    expect([unknown.row?.amount, unknown.problem?.path]).toEqual([null, 'activities[3].symbol']);
    const terms = new Map([[symbol, { multiplier: Decimal.ofInteger(50), underlying: 'SOXS' }]]);
    expect(mapActivity(fill({ symbol }), 'activities[3]', terms)).toMatchObject({
      problem: null,
      row: { kind: 'fill' },
    });
    expect(mapActivity(fill({ symbol }), '', terms).row?.amount?.toString()).toBe('-940');
  });
});

describe('rows that are not understood say where and why', () => {
  test.each([
    [{ activity_type: 'FILL' }, 'activities[17].id: the field is missing'],
    [{ id: ID }, 'activities[17].activity_type: the field is missing'],
    [fill({ qty: undefined }), 'activities[17].qty: the field is missing'],
    [fill({ qty: '0' }), 'activities[17].qty: an execution of zero'],
    [fill({ price: '' }), 'activities[17].price: "" is not a decimal number'],
    [fill({ price: 'NaN' }), 'activities[17].price: "NaN" is not a decimal number'],
    [fill({ side: 'hold' }), 'activities[17].side: unknown side "hold"'],
    [fill({ symbol: '' }), 'activities[17].symbol: not a symbol'],
    [
      fill({ transaction_time: '2025-08-21' }),
      'activities[17].transaction_time: "2025-08-21" is not a point in time',
    ],
    [nonTrade('SPLIT', { symbol: 'KO' }), 'activities[17].qty: the field is missing'],
    [nonTrade('SPLIT', { qty: '5' }), 'activities[17].symbol: the field is missing'],
    [nonTrade('CSD', { net_amount: undefined }), 'activities[17].net_amount: the field is missing'],
    [
      nonTrade('VOF', { symbol: 'KO', qty: '5' }),
      'activities[17].qty: nobody says what a quantity does in an activity of type "VOF"',
    ],
    [
      nonTrade('SPIN_X', { symbol: 'KO', qty: '5' }),
      'activities[17].activity_type: unknown activity type "SPIN_X"',
    ],
    [nonTrade('SPIN_X', { symbol: 'KO' }), 'activities[17].activity_type: unknown activity type "SPIN_X"'],
    [
      nonTrade('constructor', { symbol: 'KO' }),
      'activities[17].activity_type: unknown activity type "constructor"',
    ],
    [
      nonTrade('FEE', { date: '2025-02-30', net_amount: '-1' }),
      'activities[17].date: "2025-02-30" is not a date',
    ],
  ])('%o', (row, expected) => {
    expect(refusal(row)).toBe(expected);
  });
});

// ---- paging -----------------------------------------------------------------------------------------------------

describe('pages', () => {
  let replay: Replay;
  let broker: Broker;
  beforeAll(async () => {
    replay = await startReplay();
    broker = openReplayed(replay).broker;
  });
  afterEach(() => replay.answer('/v2/account/activities', null));
  afterAll(async () => {
    await broker.close();
    await replay.close();
  });

  const SINCE = { kind: 'since', after: parseInstant('2025-08-01T00:00:00.5Z') } as const;
  const history = (resumeAfter: string | null = null, pagesMax = 99) =>
    ({ kind: 'history', resumeAfter, pagesMax }) as const;

  /** Fills one minute apart, oldest first. */
  function fills(count: number): Row[] {
    return Array.from({ length: count }, (_, index) => {
      const at = new Date(Date.parse('2025-08-04T14:00:00Z') + index * 60_000);
      const newYork = new Date(at.getTime() - 4 * 3_600_000).toISOString().replaceAll(/[-:T.Z]/g, '');
      const uuid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
      return fill({ id: `${newYork}::${uuid}`, transaction_time: at.toISOString() });
    });
  }

  /** A broker that pages by id as documented. `rows` may change between pages. */
  function serve(
    rows: () => Row[],
    spoil: (page: Row[], call: number) => Row[] = (page) => page,
  ): { calls: number } {
    const state = { calls: 0 };
    replay.answer('/v2/account/activities', (_request, response, url) => {
      const isAscending = url.searchParams.get('direction') === 'asc';
      const sorted = rows().toSorted((left, right) => (String(left['id']) < String(right['id']) ? -1 : 1));
      if (!isAscending) sorted.reverse();
      const token = url.searchParams.get('page_token');
      const start =
        token === null
          ? 0
          : sorted.findLastIndex((row) =>
              isAscending ? String(row['id']) <= token : String(row['id']) >= token,
            ) + 1;
      const size = Number(url.searchParams.get('page_size'));
      sendJson(response, 200, JSON.stringify(spoil(sorted.slice(start, start + size), (state.calls += 1))));
    });
    return state;
  }

  const ids = (activities: readonly Activity[]): string[] =>
    activities.map((activity) => activity.externalId).sort();
  const wireIds = (rows: Row[]): string[] => rows.map((row) => String(row['id'])).sort();

  test.each([0, 1, 99, 100, 101, 250])('%i rows come whole, both ways', async (count) => {
    const rows = fills(count);
    serve(() => rows);
    expect(ids(rowsOf(await broker.readActivities(SINCE)).activities)).toEqual(wireIds(rows));
    const all = rowsOf(await broker.readActivities(history()));
    expect(ids(all.activities)).toEqual(wireIds(rows));
    expect(all.resumeAfter).toBeNull();
  });

  test('the window begins one second early and names whole seconds; a quiet one costs one call', async () => {
    const state = serve(() => fills(3));
    rowsOf(await broker.readActivities(SINCE));
    const { searchParams } = replay.requests.at(-1)!.url;
    expect(Object.fromEntries(searchParams)).toEqual({
      direction: 'desc',
      page_size: '100',
      after: '2025-07-31T23:59:59Z',
    });
    expect(state.calls).toBe(1);
  });

  test('history goes on where it stopped', async () => {
    const rows = fills(530);
    serve(() => rows);
    const found = new Set<string>();
    let resumeAfter: string | null = null;
    let reads = 0;
    do {
      const answer: ActivitiesAnswer = rowsOf(await broker.readActivities(history(resumeAfter, 2)));
      for (const activity of answer.activities) found.add(activity.externalId);
      resumeAfter = answer.resumeAfter;
      reads += 1;
    } while (resumeAfter !== null && reads < 20);
    expect([...found].sort()).toEqual(wireIds(rows));
    expect(reads).toBeLessThan(6);
  });

  test('history does not believe a short page', async () => {
    const rows = fills(150);
    serve(
      () => rows,
      (page, call) => (call === 1 ? page.slice(0, 40) : page),
    );
    expect(ids(rowsOf(await broker.readActivities(history())).activities)).toEqual(wireIds(rows));
  });

  test('rows that are inserted while paging cost nothing that was there', async () => {
    const all = fills(260);
    let known = all.slice(0, 230);
    serve(
      () => known,
      (page, call) => {
        if (call === 1) known = all;
        return page;
      },
    );
    const found = new Set(ids(rowsOf(await broker.readActivities(SINCE)).activities));
    for (const id of wireIds(all.slice(0, 230))) expect(found).toContain(id);
  });

  test('the same page again is incomplete, with what was understood kept', async () => {
    const rows = fills(250);
    const first = rows.toReversed().slice(0, 100);
    serve(
      () => rows,
      () => first,
    );
    const read = await broker.readActivities(SINCE);
    expect(read).toMatchObject({ kind: 'incomplete', reason: 'page_repeated', error: { retry: 'later' } });
    expect(read.kind === 'incomplete' && read.partialRows?.activities.length).toBe(100);
    const oldest = rows.slice(0, 100);
    serve(
      () => rows,
      () => oldest,
    );
    expect(await broker.readActivities(history())).toMatchObject({
      kind: 'incomplete',
      reason: 'page_repeated',
    });
    // A short page that ignores where we are is told by its ids.
    serve(
      () => rows,
      () => rows.slice(0, 40),
    );
    expect(await broker.readActivities(history())).toMatchObject({
      kind: 'incomplete',
      reason: 'page_repeated',
    });
  });

  test('pages in disorder lose nothing', async () => {
    const rows = fills(330);
    serve(
      () => rows,
      (page) =>
        page.toSorted((left, right) =>
          String(left['id']).slice(-3, -2) < String(right['id']).slice(-3, -2) ? 1 : -1,
        ),
    );
    expect(ids(rowsOf(await broker.readActivities(SINCE)).activities)).toEqual(wireIds(rows));
  });

  test('rows that share an id are never cut apart by the end of a page', async () => {
    // Older answers give an assignment and its stock leg one id: here the page ends between the two.
    const rows = fills(101);
    const pair = [
      nonTrade('OPASN', { id: rows[1]!['id'], symbol: 'KO250815P00070000', qty: '1' }),
      nonTrade('OPTRD', { id: rows[1]!['id'], symbol: 'KO', qty: '100', net_amount: '-7000' }),
    ];
    const all = [rows[0]!, ...pair, ...rows.slice(2)];
    serve(() => all);
    const roots = rowsOf(await broker.readActivities(SINCE)).activities.map((activity) => activity.rootId);
    expect(roots).toHaveLength(102);
    expect(roots.filter((root) => root.includes('KO'))).toHaveLength(2);
  });

  test('the same row twice is one, with other content the answer is refused', async () => {
    const [row] = fills(1);
    serve(() => [row!, row!]);
    expect(rowsOf(await broker.readActivities(SINCE)).activities).toHaveLength(1);
    serve(() => [row!, { ...row!, price: '9.5' }]);
    expect(await broker.readActivities(SINCE)).toMatchObject({
      kind: 'incomplete',
      reason: 'duplicate_differs',
    });
  });

  test('two equal executions with ids of their own are two', async () => {
    const [row] = fills(1);
    serve(() => [row!, { ...row!, id: `${String(row!['id']).slice(0, -1)}9` }]);
    expect(rowsOf(await broker.readActivities(SINCE)).activities).toHaveLength(2);
  });

  test('a fault on a later page keeps the earlier ones as partial rows and is incomplete', async () => {
    const rows = fills(250);
    const state = { calls: 0 };
    replay.answer('/v2/account/activities', (_request, response) => {
      state.calls += 1;
      if (state.calls === 1) return sendJson(response, 200, JSON.stringify(rows.toReversed().slice(0, 100)));
      response.writeHead(500).end();
    });
    const read = await broker.readActivities(SINCE);
    expect(read).toMatchObject({ kind: 'incomplete', reason: 'http_500' });
    expect(read.kind === 'incomplete' && read.partialRows?.activities.length).toBe(100);
    expect(read.evidence.payloads.map((payload) => payload.status)).toEqual([200, 500]);
  });

  test('one bad row is quarantined once, at its place, and the read stays complete', async () => {
    serve(() => [...fills(2), nonTrade('BRAND_NEW', { symbol: 'KO', qty: '3' })]);
    const read = await broker.readActivities(history());
    expect(rowsOf(read).activities).toHaveLength(2);
    expect(read.evidence.quarantined).toMatchObject([
      {
        resource: 'activities',
        path: 'activities[2].activity_type',
        reason: 'unknown activity type "BRAND_NEW"',
      },
    ]);
    expect(JSON.parse(read.evidence.quarantined[0]!.row)).toMatchObject({ symbol: 'KO', qty: '3' });
  });
});
