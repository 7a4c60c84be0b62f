/** Older bots' trade histories: every spelling that is accepted, and every line that is not. */
import { describe, expect, it } from 'vitest';
import { readForeignTrades } from '../../src/mirror/foreignTrades.ts';

function read(text: string) {
  const { trades, bad } = readForeignTrades(text, 'trades.csv');
  return {
    bad: bad.map(({ line, reason }) => `${line}: ${reason}`),
    trades: trades.map((trade) =>
      [
        trade.executedAt,
        trade.side ?? '?',
        trade.quantity.toString(),
        trade.symbol,
        trade.price?.toString() ?? '-',
        trade.realizedPnl?.toString() ?? '-',
        trade.orderId ?? '-',
      ].join(' '),
    ),
    hashes: trades.map(({ contentHash }) => contentHash),
  };
}

describe('columns', () => {
  it.each([
    [
      'timestamp,symbol,side,qty,price,realized_pnl,order_id',
      '2025-08-20T14:00:00Z,AAPL,buy,3,200.10,1.5,o1',
    ],
    [
      'Date,Ticker,Action,Quantity,Fill Price,PnL,Alpaca Order ID',
      '2025-08-20T10:00:00-04:00,aapl,BUY,3.0,$200.10,1.50,o1',
    ],
    [
      'time;unused,symbol,direction,contracts,premium,pnl_amount,order_id,timestamp',
      'x,AAPL,Buy to Open,3,200.1,1.5,o1,2025-08-20 10:00:00',
    ],
    [
      'filled_at,symbol,action,filled_qty,filled_avg_price,profit,client_order_id',
      '8/20/2025 10:00,AAPL,bought,"3",200.1,"1.50",o1',
    ],
  ])('%s', (header, line) => {
    expect(read(`${header}\n${line}\n`)).toMatchObject({
      bad: [],
      trades: ['2025-08-20T14:00:00Z buy 3 AAPL 200.1 1.5 o1'],
    });
  });

  it.each([
    ['symbol,qty\nAAPL,1\n', 'has no column for time'],
    ['timestamp,price\n2025-08-20,1\n', 'has no column for symbol, quantity'],
    ['PK\u0003\u0004 binary', 'has no column for time, symbol, quantity'],
    ['timestamp,symbol,qty\n"2025-08-20,AAPL,1\n', 'A quoted text that begins in line 2 has no end.'],
  ])('%j is no trade history', (text, reason) => {
    expect(() => readForeignTrades(text, 'trades.csv')).toThrow(reason);
  });

  it('nothing, or a header alone, holds no trades', () => {
    expect(read('')).toMatchObject({ trades: [], bad: [] });
    expect(read('\uFEFFtimestamp,symbol,qty\r\n')).toMatchObject({ trades: [], bad: [] });
  });
});

describe('lines', () => {
  const HEADER = 'timestamp,symbol,action,quantity,price,order_id\n';

  it('what cannot be understood is told with its line and reason, the rest is read', () => {
    const text =
      `${HEADER}2025-08-20T10:00:00,AAPL,BUY,1,200,a\n` +
      '2025-08-20T10:00:00,AAPL,BUY,one,200,b\n' +
      'yesterday,AAPL,BUY,1,200,c\n' +
      '2025-02-30,AAPL,BUY,1,200,d\n' +
      '2025-08-20T10:00:00,,BUY,1,200,e\n' +
      '2025-08-20T10:00:00,"SPY\nX",NO_TRADE,0,200,f\n' +
      '2025-08-20T10:00:00,AAPL,BUY\n' +
      '\n' +
      '2025-08-20T10:00:00,AAPL,BUY,1,1e,g\n' +
      '2025-08-20T10:00:00,AAPL,BUY,,200,h\n' +
      '2025-08-20T10:00:00,AAPL,BUY,-1,200,j\n' +
      '2025-08-20T10:00:01,AAPL,SELL,1,201,i\n';
    expect(read(text)).toMatchObject({
      trades: ['2025-08-20T14:00:00Z buy 1 AAPL 200 - a', '2025-08-20T14:00:01Z sell 1 AAPL 201 - i'],
      bad: [
        '3: quantity "one" is no number',
        '4: "yesterday" is no time',
        '5: "2025-02-30" is no time',
        '6: no symbol',
        '7: the quantity is 0',
        '9: 3 cells where the header has 6',
        '11: price "1e" is no number',
        '12: no quantity',
        '13: a purchase of a negative quantity',
      ],
    });
  });

  it.each([
    ['2025-01-15 09:30', '2025-01-15T14:30:00Z'],
    ['2025-07-15T09:30:00.123456', '2025-07-15T13:30:00.123456Z'],
    ['2025-07-15T09:30:00+00:00', '2025-07-15T09:30:00Z'],
    ['2025-07-15', '2025-07-15T04:00:00Z'],
    ['7/5/2025', '2025-07-05T04:00:00Z'],
  ])('a time without a zone is New York’s: %s', (written, instant) => {
    expect(readForeignTrades(`${HEADER}${written},AAPL,BUY,1,2,\n`, 'x').trades[0]!.executedAt).toBe(instant);
  });

  it.each([
    ['BUY', '1', 'buy'],
    ['sell short', '1', 'sell'],
    ['SELL_TO_CLOSE', '1', 'sell'],
    ['CALL', '1', null],
    ['', '-1', 'sell'],
    ['', '1', null],
    ['constructor', '1', null],
  ])('side %j with quantity %s is %s', (word, quantity, side) => {
    const [trade] = readForeignTrades(`${HEADER}2025-08-20,AAPL,${word},${quantity},2,\n`, 'x').trades;
    expect({ side: trade!.side, quantity: trade!.quantity.toString() }).toEqual({ side, quantity: '1' });
  });

  it('digits are kept, words for nothing are nothing', () => {
    const { trades } = read(
      `${HEADER}2025-08-20T14:00:00Z,BTC/USD,buy,0.100000000000000001,"$112,480.50",nan\n`,
    );
    expect(trades).toEqual(['2025-08-20T14:00:00Z buy 0.100000000000000001 BTC/USD 112480.5 - -']);
  });

  it.each([
    ['1,234.50', '1234.5'],
    ['1,234', '1234'],
    ['$1,234,567.25', '1234567.25'],
    ['-$12', '-12'],
    ['$ -1,200', '-1200'],
    ['( $12.50 )', '-12.5'],
    ['12.50 $', '12.5'],
    ['1.234', '1.234'],
  ])('profit %s is %s', (written, profit) => {
    const { trades, bad } = readForeignTrades(
      `timestamp,symbol,qty,pnl\n2025-08-20,AAPL,1,"${written}"\n`,
      'x',
    );
    expect({ bad, profit: trades[0]?.realizedPnl?.toString() }).toEqual({ bad: [], profit });
  });

  it.each(['12,50', '1.234,50', '0,125', '1234,567', '1,23,456', '1,2345', '12,', ',50', '-12,5', '(12,50)'])(
    'price %s is no price, never another one',
    (written) => {
      const text = `${HEADER}2025-08-20,AAPL,BUY,1,"${written}",\n`;
      expect(read(text)).toMatchObject({
        trades: [],
        bad: [`2: price "${written}" has a comma that separates no thousands`],
      });
    },
  );

  it.each(['12 50', '1 234.50', '(12', '12)', '(-12)', '1$2'])('price %s is no number', (written) => {
    expect(read(`${HEADER}2025-08-20,AAPL,BUY,1,"${written}",\n`)).toMatchObject({
      trades: [],
      bad: [`2: price "${written}" is no number`],
    });
  });

  it('where one number has a decimal comma, those that could be either are told too, the others are read', () => {
    const text =
      `${HEADER}2025-08-20,AAPL,BUY,1,"1,250",a\n` +
      '2025-08-20,AAPL,BUY,1.000,200,b\n' +
      '2025-08-20,AAPL,BUY,1,"12,50",c\n' +
      '2025-08-20,AAPL,BUY,1,"12.50",d\n';
    expect(read(text)).toMatchObject({
      trades: ['2025-08-20T04:00:00Z buy 1 AAPL 12.5 - d'],
      bad: [
        '2: price "1,250" is ambiguous in a file with decimal commas',
        '3: quantity "1.000" is ambiguous in a file with decimal commas',
        '4: price "12,50" has a comma that separates no thousands',
      ],
    });
  });

  it('equal lines are different trades, the same file read again is the same trades', () => {
    const text = `${HEADER}2025-08-20,AAPL,BUY,1,2,\n2025-08-20,AAPL,BUY,1,2,\n`;
    const { hashes } = read(text);
    expect(new Set(hashes).size).toBe(2);
    expect(read(text).hashes).toEqual(hashes);
    // Written otherwise, meant the same.
    expect(read('date,ticker,side,qty,premium\n2025-08-20,aapl,buy,1.0,$2.00\n').hashes).toEqual([hashes[0]]);
  });
});
