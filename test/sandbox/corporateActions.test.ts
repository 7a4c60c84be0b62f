/** Spin-offs and mergers: what they do to holdings and cash, and the rows they make, by Alpaca's published samples. */
import { describe, expect, it } from 'vitest';
import { PAPER, start, type Play, type Row } from './play.ts';

const positionsOf = (rows: Row[]): string[] =>
  rows.map((row) => `${String(row['symbol'])} ${String(row['quantity'])}`);

/** `SEM -0.067337044 @ 22.276 = 0: REMOVE, Cost basis ...`, sorted. */
async function rowsOf(play: Play, type: string): Promise<string[]> {
  const rows = await play.rows(`/v2/account/activities/${type}`);
  return rows
    .map(
      (row) =>
        `${String(row['symbol'])} ${String(row['qty'])} @ ${String(row['price'])} = ${String(row['net_amount'])}: ${String(row['description'])}`,
    )
    .sort();
}

async function positionRow(play: Play, symbol: string): Promise<Row | undefined> {
  return (await play.rows('/v2/positions')).find((row) => row['symbol'] === symbol);
}

describe('spin-offs', () => {
  it('leave the old shares, bring the new ones, and say how the cost divides: the published rows', async () => {
    await using play = await start();
    play.play('buy 0.067337044 SEM @ 22.276\n spinoff SEM CON 0.806971:1 basis 0.46488');
    expect(positionsOf(play.truth().positions)).toEqual(['CON 0.054339042', 'SEM 0.067337044']);
    expect(await rowsOf(play, 'SPIN')).toEqual([
      'CON 0.054339042 @ 12.8328 = 0: Target Symbol: CON, Initiating Symbol: SEM, 0.806971 CON for each 1 SEM',
      'SEM -0.067337044 @ 22.276 = 0: REMOVE, Cost basis adjustment for source company',
      'SEM 0.067337044 @ 11.9203 = 0: ADD, Cost basis adjustment for source company',
    ]);
    const rows = await play.rows('/v2/account/activities/SPIN');
    expect(new Set(rows.map((row) => row['group_id'])).size).toBe(1);
    expect(rows.every((row) => row['activity_sub_type'] === undefined)).toBe(true);
  });

  it('move cost, never money: what both carry afterwards is what the old shares carried', async () => {
    await using play = await start();
    play.play('deposit 10000\n buy 60 SEM @ 50\n buy 40 SEM @ 80\n spinoff SEM CON 1:4 basis 0.125');
    expect(play.truth().cashByCurrency).toEqual({ USD: '3800' });
    expect((await positionRow(play, 'SEM'))?.['cost_basis']).toBe('5425');
    expect((await positionRow(play, 'CON'))?.['cost_basis']).toBe('775');
  });

  it('whose allocation the broker has not worked out come at a price of zero, alone', async () => {
    await using play = await start();
    play.play('buy 2 RNAM @ 72.82\n spinoff RNAM RNA 0.1:1');
    expect(await rowsOf(play, 'SPIN')).toEqual([
      'RNA 0.2 @ 0 = 0: Target Symbol: RNA, Initiating Symbol: RNAM, 0.1 RNA for each 1 RNAM',
    ]);
    expect((await positionRow(play, 'RNAM'))?.['avg_entry_price']).toBe('72.82');
  });

  it('are owed by who is short, on every account', async () => {
    await using play = await start();
    play.post('/control/trade', {
      account: 'alpaca-live',
      symbol: 'SEM',
      side: 'sell',
      quantity: '8',
      price: '50',
    });
    play.play('buy 4 SEM @ 50\n spinoff SEM CON 1:4 basis 0.2');
    expect(positionsOf(play.truth().positions)).toEqual(['CON 1', 'SEM 4']);
    expect(positionsOf(play.truth('alpaca-live').positions)).toEqual(['CON -2', 'SEM -8']);
  });

  it('keep fractions, or pay for them the next day while the fraction is gone at once', async () => {
    await using play = await start();
    play.play('deposit 1000\n buy 10 SEM @ 50\n spinoff SEM CON 1:4 basis 0.2 lieu 6.3');
    expect(positionsOf(play.truth().positions)).toEqual(['CON 2', 'SEM 10']);
    expect(play.truth().cashByCurrency).toEqual({ USD: '500' });
    play.play('clock next-day');
    expect(play.truth().cashByCurrency).toEqual({ USD: '506.3' });
    expect(await play.rows('/v2/account/activities/CIL')).toEqual([
      expect.objectContaining({ symbol: 'CON', net_amount: '6.3', date: '2025-08-22' }),
    ]);
  });

  it('give options a new root that delivers both, which can only expire here', async () => {
    await using play = await start();
    play.play('buy 3 SEM250919C00020000 @ 1.13\n buy 4 SEM @ 25\n spinoff SEM CON 1:4 basis 0.2');
    expect(positionsOf(play.truth().positions)).toContain('SEM1250919C00020000 3');
    expect(await rowsOf(play, 'OPCA')).toEqual([
      'SEM1250919C00020000 3 @ 1.13 = -339: ADD new contract symbol',
      'SEM250919C00020000 -3 @ 1.13 = 339: REMOVE old contract symbol',
    ]);
    expect((await play.rows('/v2/account/activities/OPCA')).map((row) => row['activity_sub_type'])).toEqual([
      'SPIN',
      'SPIN',
    ]);
    const contract = (await play.get('/v2/options/contracts/SEM1250919C00020000')).body;
    expect(contract).toMatchObject({
      underlying_symbol: 'SEM',
      deliverables: [
        { type: 'equity', symbol: 'SEM', amount: '100' },
        { type: 'equity', symbol: 'CON', amount: '25' },
      ],
    });
    const event = { account: PAPER, symbol: 'SEM1250919C00020000', quantity: '1' };
    expect(play.refused('/control/option', { ...event, kind: 'exercise' })).toContain('more than one thing');
    play.play('expire 3 SEM1250919C00020000');
    expect(positionsOf(play.truth().positions)).toEqual(['CON 1', 'SEM 4']);
  });

  it('move what the shares are worth, not the sum of it', async () => {
    await using play = await start();
    play.play('buy 4 SEM @ 50\n price SEM 100\n spinoff SEM CON 1:4 basis 0.2');
    const [con, sem] = await play.rows('/v2/positions');
    expect([con!['current_price'], sem!['current_price']]).toEqual(['80', '80']);
  });
});

describe('mergers', () => {
  it('for shares: the published rows of a removal and an allocation', async () => {
    await using play = await start();
    play.play('buy 0.716836558 MRO @ 24.1617\n merge MRO COP 0.255:1');
    expect(positionsOf(play.truth().positions)).toEqual(['COP 0.182793322']);
    expect(await rowsOf(play, 'MA')).toEqual([
      'COP 0.182793322 @ 94.7518 = 0: Stock Merger 0.255 COP for 1 MRO',
      'MRO -0.716836558 @ 24.1617 = 0: Stock Merger 0.255 COP for 1 MRO',
    ]);
    const rows = await play.rows('/v2/account/activities/MA');
    expect(rows.map((row) => row['activity_sub_type'])).toEqual(['SMA', 'SMA']);
  });

  it('for cash: the shares go, the money stands in a row of its own', async () => {
    await using play = await start();
    play.play('deposit 100\n buy 2 HIE @ 5.88\n merge HIE x cash 12.6341694');
    expect(play.truth()).toMatchObject({ positions: [], cashByCurrency: { USD: '113.51' } });
    expect(await rowsOf(play, 'MA')).toEqual([
      'HIE -2 @ 5.88 = 0: Cash Merger $12.6341694 per share',
      'HIE 0 @ undefined = 25.27: Cash Merger $12.6341694 per share',
    ]);
    expect(play.truth().cash).toContainEqual(
      expect.objectContaining({ kind: 'merger', amount: '25.27', symbol: 'HIE' }),
    );
  });

  it('for both: three rows; what is left of the cost goes to the new shares', async () => {
    await using play = await start();
    play.play('buy 6.522449746 PSTX @ 9.4663\n merge PSTX NEWCO 1:1 cash 9');
    expect(await rowsOf(play, 'MA')).toEqual([
      'NEWCO 6.522449746 @ 0.4663 = 0: Stock Cash Merger 1 NEWCO and $9 for 1 PSTX',
      'PSTX -6.522449746 @ 9.4663 = 0: Stock Cash Merger 1 NEWCO and $9 for 1 PSTX',
      'PSTX 0 @ undefined = 58.7: Stock Cash Merger 1 NEWCO and $9 for 1 PSTX',
    ]);
  });

  it('add to shares of the acquirer already held; a short owes shares and cash', async () => {
    await using play = await start();
    play.play('buy 10 COP @ 90\n buy 4 MRO @ 24\n merge MRO COP 1:4 cash 2');
    expect(positionsOf(play.truth().positions)).toEqual(['COP 11']);
    await using short = await start();
    short.play('sell 4 MRO @ 24\n merge MRO COP 1:4 cash 2');
    expect(short.truth()).toMatchObject({ cashByCurrency: { USD: '88' } });
    expect(positionsOf(short.truth().positions)).toEqual(['COP -1']);
  });

  it('end the stock: no order stays open, nobody trades it, its asset is inactive', async () => {
    await using play = await start();
    const order = { account: PAPER, symbol: 'MRO', side: 'buy', quantity: '0', price: '20' };
    play.post('/control/trade', { ...order, order: { id: 'rests', quantity: '2' } });
    play.play('buy 1 MRO @ 24\n merge MRO COP 1:4');
    expect(await play.rows('/v2/orders')).toEqual([]);
    expect(play.refused('/control/trade', { ...order, quantity: '1' })).toContain('merged into COP');
    expect((await play.get('/v2/assets/MRO')).body).toMatchObject({ status: 'inactive', tradable: false });
  });

  it('turn options on the stock into options on the acquirer', async () => {
    await using play = await start();
    play.play('sell 2 CEIX250919P00095000 @ 0.65\n merge CEIX CNR 1.0936:1');
    expect(positionsOf(play.truth().positions)).toEqual(['CNR1250919P00095000 -2']);
    expect(await rowsOf(play, 'OPCA')).toEqual([
      'CEIX250919P00095000 2 @ 0.65 = -130: REMOVE old contract symbol',
      'CNR1250919P00095000 -2 @ 0.65 = 130: ADD new contract symbol',
    ]);
    expect((await play.get('/v2/options/contracts/CNR1250919P00095000')).body).toMatchObject({
      underlying_symbol: 'CNR',
      size: '109.36',
    });
    play.play('assign 1 CNR1250919P00095000\n clock next-day');
    expect(positionsOf(play.truth().positions)).toEqual(['CNR 109.36', 'CNR1250919P00095000 -1']);
    expect(play.truth().cashByCurrency).toEqual({ USD: '-9370' });
  });

  it.each([
    [{ to: 'COP' }, 'go together'],
    [{ to: 'COP', newShares: '1' }, 'go together'],
    [{}, 'cashPerShare, or both'],
    [{ cashPerShare: '5', cashInLieu: '1' }, 'there are none'],
    [{ to: 'MRO', newShares: '1', perOld: '1' }, 'itself'],
    [{ to: 'BTC/USD', newShares: '1', perOld: '1' }, 'no name'],
    [{ cashPerShare: '5', basisFraction: '0.1' }, 'basisFraction'],
  ])('refuses %j', async (terms, reason) => {
    await using play = await start();
    play.play('buy 1 MRO @ 24');
    const call = { kind: 'merger', symbol: 'MRO', ...terms };
    expect(play.refused('/control/corporate-action', call)).toContain(reason);
    expect(positionsOf(play.truth().positions)).toEqual(['MRO 1']);
  });
});

describe('every corporate action', () => {
  it.each(['0', '1', '1.5'])('a spin-off takes no basisFraction of %s', async (basisFraction) => {
    await using play = await start();
    const call = { kind: 'spinoff', symbol: 'SEM', to: 'CON', newShares: '1', perOld: '4', basisFraction };
    expect(play.refused('/control/corporate-action', call)).toContain('basisFraction');
  });

  it('may be listed the next day: positions and cash follow at once', async () => {
    await using play = await start();
    play.play('deposit 100\n buy 4 SEM @ 5\n merge SEM CON 1:2 cash 3 next-day');
    expect(positionsOf(play.truth().positions)).toEqual(['CON 2']);
    expect(play.truth().cashByCurrency).toEqual({ USD: '92' });
    expect(await rowsOf(play, 'MA')).toEqual([]);
    play.play('clock next-day');
    expect(await rowsOf(play, 'MA')).toHaveLength(3);
    const [row] = await play.rows('/v2/account/activities/MA');
    expect(row).toMatchObject({ date: '2025-08-21' });
    expect(String(row!['created_at'])).toMatch(/^2025-08-22T08:30:00/);
  });

  it('is worked out anew when a fill before it is corrected or busted: the same rows with other numbers', async () => {
    await using play = await start();
    const [fill] = play.play('buy 10 SEM @ 50');
    play.play('clock 1h\n spinoff SEM CON 1:4 basis 0.2\n merge SEM COP 1:2 cash 1');
    const ids = async (): Promise<unknown[]> =>
      (await play.rows('/v2/account/activities?activity_types=SPIN,MA')).map((row) => row['id']);
    const before = await ids();
    play.post('/control/amend', { account: PAPER, fill: fill!['id'], kind: 'correct', quantity: '12' });
    expect(positionsOf(play.truth().positions)).toEqual(['CON 3', 'COP 6']);
    expect(await ids()).toEqual(before);
    play.post('/control/amend', { account: PAPER, fill: fill!['id'], kind: 'bust' });
    expect(play.truth()).toMatchObject({ positions: [], cashByCurrency: { USD: '0' } });
    const states = (await play.rows('/v2/account/activities/MA')).map((row) => row['status']);
    expect(new Set(states)).toEqual(new Set(['canceled']));
  });

  it('stands in the public list of corporate actions with its terms', async () => {
    await using play = await start();
    play.play('buy 1 SEM @ 50\n spinoff SEM CON 1:4 basis 0.2\n merge SEM COP 1:2 cash 1');
    play.play('buy 1 HIE @ 5\n merge HIE x cash 6');
    const { corporate_actions: groups } = (await play.data('/v1/corporate-actions?symbols=SEM,HIE')).body as {
      corporate_actions: Record<string, Row[]>;
    };
    expect(groups).toMatchObject({
      spin_offs: [{ source_symbol: 'SEM', new_symbol: 'CON', new_rate: 1, source_rate: 4 }],
      stock_and_cash_mergers: [{ acquirer_symbol: 'COP', acquiree_symbol: 'SEM', cash_rate: 1 }],
      cash_mergers: [{ acquiree_symbol: 'HIE', rate: 6 }],
    });
  });
});
