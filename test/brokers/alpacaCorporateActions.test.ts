/**
 * Spin-offs, mergers, removals and fees as Alpaca's guides to its activity streams print them, in the shape its REST
 * listing has, must give a book everything they say: what leaves, what comes, what is paid, and by which terms.
 */
import { describe, expect, test } from 'vitest';
import { mapActivity } from '../../src/brokers/alpaca/map.ts';
import { type Activity } from '../../src/domain/activity.ts';

type Row = Record<string, unknown>;

/** A row of the guides: what is the same in all of them left out. */
function understood(type: string, fields: Row): Activity {
  const row = {
    id: '20241126000000000::7c7e1714-b897-4918-ab84-7f8b0e23bb13',
    activity_type: type,
    date: '2024-11-26',
    created_at: '2024-11-26T08:01:06.529338Z',
    net_amount: '0',
    status: 'executed',
    currency: 'USD',
    ...fields,
  };
  const mapped = mapActivity(row, 'activities[0]', new Map());
  if (mapped.row === null) throw new Error(`${mapped.problem?.path}: ${mapped.problem?.reason}`);
  return mapped.row;
}

/** `kind symbol quantity amount`, and the terms. */
function said(type: string, fields: Row): [string, Activity['details']] {
  const { kind, instrument, quantity, amount, details } = understood(type, fields);
  return [`${kind} ${instrument?.symbol ?? '-'} ${quantity.toString()} ${amount?.toString()}`, details];
}

describe('spin-offs', () => {
  const pair = { symbol: 'SEM', cusip: '81619Q105' };

  test('the new shares come with their ratio and the cost per share they take over', () => {
    const child = {
      symbol: 'CON',
      cusip: '20603L102',
      qty: '0.054339042',
      price: '12.8328',
      description: 'Target Symbol: CON, Initiating Symbol: SEM, 0.806971 CON for each 1 SEM',
    };
    const terms = { ratioNew: '0.806971', ratioOld: '1', parent: 'SEM' };
    expect(said('SPIN', child)).toEqual([
      'spinoff CON 0.054339042 0',
      { ...terms, price: '12.8328', cusip: '20603L102' },
    ]);
    expect(said('SSO', child)[1]).toMatchObject(terms);
  });

  test('the old shares stay: the pair that restates their cost moves nothing, and keeps what it says', () => {
    const removed = { ...pair, qty: '-0.067337044', price: '22.276' };
    const added = { ...pair, qty: '0.067337044', price: '11.9203' };
    const words = (word: string): Row => ({
      description: `${word}, Cost basis adjustment for source company`,
    });
    expect(said('SPIN', { ...removed, ...words('REMOVE') })).toEqual([
      'spinoff SEM 0 0',
      { restates: 'cost', price: '22.276', quantityOnWire: '-0.067337044', cusip: '81619Q105' },
    ]);
    expect(said('SPIN', { ...added, ...words('ADD') })).toEqual([
      'spinoff SEM 0 0',
      { restates: 'cost', price: '11.9203', quantityOnWire: '0.067337044', cusip: '81619Q105' },
    ]);
    // Two rows of one id stay two rows.
    const roots = [removed, added].map((row, index) =>
      understood('SPIN', { ...row, ...words(index === 0 ? 'REMOVE' : 'ADD') }).rootId.slice(-5),
    );
    expect(roots).toEqual(['SEM:-', 'SEM:+']);
  });

  test('rows in other words move what they say they move: the sum is the same', () => {
    const rows = [
      { ...pair, qty: '-3', price: '2', description: 'REMOVE, something new' },
      { ...pair, qty: '3', price: '1', description: '' },
    ];
    expect(rows.map((row) => said('SPIN', row)[0])).toEqual(['spinoff SEM -3 0', 'spinoff SEM 3 0']);
    expect(said('SPIN', rows[1]!)[1]).toEqual({ price: '1', cusip: '81619Q105' });
  });

  test('words of one type mean nothing in a row of another', () => {
    const words = { description: 'REMOVE, Cost basis adjustment for source company' };
    expect(said('SPLIT', { ...pair, qty: '-3', ...words })[0]).toBe('split SEM -3 0');
  });
});

describe('mergers', () => {
  test('for shares', () => {
    const description = 'Stock Merger 0.255 COP for 1 MRO';
    const terms = { ratioNew: '0.255', newSymbol: 'COP', ratioOld: '1', oldSymbol: 'MRO' };
    const old = {
      symbol: 'MRO',
      qty: '-0.716836558',
      price: '24.1617',
      activity_sub_type: 'SMA',
      description,
    };
    expect(said('MA', old)).toEqual(['merger MRO -0.716836558 0', { ...terms, price: '24.1617' }]);
    const given = { symbol: 'COP', qty: '0.182793322', price: '94.7518', description };
    expect(said('MA', given)).toEqual(['merger COP 0.182793322 0', { ...terms, price: '94.7518' }]);
  });

  test('for cash: the shares go in one row, the money comes in another', () => {
    const description = 'Cash Merger $12.63416940 per share';
    const terms = { cash: '12.6341694', ratioOld: '1' };
    expect(said('MA', { symbol: 'HIE', qty: '-2', price: '5.88', description })).toEqual([
      'merger HIE -2 0',
      { ...terms, price: '5.88' },
    ]);
    const money = { symbol: 'HIE', qty: '0', price: null, net_amount: '25.27', description };
    expect(said('MA', money)).toEqual(['merger HIE 0 25.27', terms]);
    expect(understood('MA', money).rootId).toMatch(/:HIE:\+$/);
  });

  test('for both, also where the new security has no symbol but a CUSIP', () => {
    const description = 'Stock Cash Merger 5 384CVR015 and $9.95 for 1 GRCL';
    const terms = { ratioNew: '5', newSymbol: '384CVR015', cash: '9.95', ratioOld: '1', oldSymbol: 'GRCL' };
    const given = {
      symbol: '384CVR015',
      qty: '1423.39330343',
      price: '1.21',
      status: 'correct',
      description,
    };
    expect(said('MA', given)).toEqual(['merger 384CVR015 1423.39330343 0', { ...terms, price: '1.21' }]);
    const money = { symbol: 'GRCL', qty: '0', net_amount: '2832.55', description };
    expect(said('MA', money)).toEqual(['merger GRCL 0 2832.55', terms]);
  });

  test('in words nobody knows keep their quantities and money', () => {
    const row = { symbol: 'XYZ', qty: '-4', net_amount: '40', description: 'Merger of equals' };
    expect(said('MA', row)).toEqual(['merger XYZ -4 40', {}]);
  });
});

test('a worthless removal and a reorganization', () => {
  const removal = { symbol: 'SRV.RT', qty: '-8', price: null, description: 'Worthless Removal - SRV.RT' };
  expect(said('REORG', { ...removal, activity_sub_type: 'WRM' })).toEqual(['reorganization SRV.RT -8 0', {}]);
  expect(said('REO', { symbol: 'SECZ', qty: '50', activity_sub_type: 'REOS' })[0]).toBe(
    'reorganization SECZ 50 0',
  );
});

test('a corporate action takes effect before its day, unless it was worked off after the market had opened', () => {
  const at = (created: string): string => {
    const { executedAt, timePrecision } = understood('SPLIT', {
      symbol: 'SEM',
      qty: '-4',
      created_at: created,
    });
    return `${executedAt} ${timePrecision}`;
  };
  expect(at('2024-11-25T23:30:00Z')).toBe('2024-11-26T05:00:00Z day');
  expect(at('2024-11-26T09:31:08.000641Z')).toBe('2024-11-26T05:00:00Z day');
  expect(at('2024-11-26T14:29:59.9Z')).toBe('2024-11-26T05:00:00Z day');
  expect(at('2024-11-26T14:30:00Z')).toBe('2024-11-26T14:30:00Z instant');
  expect(at('2024-11-26T16:00:00.25Z')).toBe('2024-11-26T16:00:00.25Z instant');
  expect(at('2024-11-27T16:00:00Z')).toBe('2024-11-26T05:00:00Z day');
});

test('rows of one event carry the group that links them', () => {
  const group = 'c59ca193-3d07-4e56-9402-698ea30cd48b';
  const rows = [
    understood('MA', { symbol: 'MRO', qty: '-1', group_id: group }),
    understood('OPASN', { symbol: 'KO250815P00070000', qty: '1', group_id: group }),
    understood('OPTRD', { symbol: 'KO', qty: '100', net_amount: '-7000', price: '70', group_id: group }),
    understood('SPIN', { symbol: 'CON', qty: '1', group_id: '' }),
  ];
  expect(rows.map((row) => row.groupId)).toEqual([group, group, group, null]);
});

describe('fees', () => {
  test.each([
    [
      'REG',
      'REG fee for proceed of $15.37 on 2024-12-10 by 399748018',
      { feeType: 'REG', feeDate: '2024-12-10' },
    ],
    [
      'TAF',
      'TAF fee for proceed of 1.371115174 shares (2 trades) on 2024-12-10 by PA3SYNCDEMO1',
      { feeType: 'TAF', feeDate: '2024-12-10' },
    ],
    [
      null,
      'ORF fee for proceed of 6 contracts on 2024-06-18 by 399748018',
      { feeType: 'ORF', feeDate: '2024-06-18' },
    ],
    [null, 'OCC Clearing Fee', { feeType: 'OCC' }],
    ['CAT', '', { feeType: 'CAT' }],
    ['LCT', 'Swap Fee Gross Income', { feeType: 'LCT' }],
    [null, 'Something else', {}],
  ])('%s "%s"', (subType, description, terms) => {
    const row = understood('FEE', { activity_sub_type: subType, net_amount: '-0.01', description });
    expect([row.kind, row.amount?.toString(), row.details]).toEqual(['fee', '-0.01', terms]);
    expect(row.description ?? '').not.toMatch(/399748018|PA3SYNCDEMO1/);
  });

  test('in coins: the coins, their price and the day of the trades', () => {
    const row = understood('CFEE', {
      symbol: 'BTCUSD',
      qty: '-0.000625',
      price: '108412.5',
      date: '2025-08-13',
    });
    expect([row.instrument?.symbol, row.quantity.toString(), row.price?.toString(), row.tradeDate]).toEqual([
      'BTC/USD',
      '-0.000625',
      '108412.5',
      '2025-08-13',
    ]);
    expect(row.amount?.isZero()).toBe(true);
  });
});
