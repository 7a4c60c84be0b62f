import { describe, expect, test } from 'vitest';
import { ACCOUNT_WASH, TAXPAYER_WASH, washGroupKey, washSales } from '../../src/book/wash.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { heldBasis, IRA, putOff, taxable, wash, washRows } from './washNotation.ts';

describe('what cannot be told', () => {
  test('a loss on units of unknown cost is not washed, and said so', () => {
    const result = wash(`
      2024-01-02  buy 10 X for ?     #a
      2024-03-10  buy 10 X for 50    #b
      2024-03-01  sell 10 #a for 80`);
    expect(result.adjustments).toEqual([]);
    expect(result.unknown).toEqual([{ accountId: 1, lotId: '#a', closureId: '#a/1', doubt: 'cost_unknown' }]);
  });

  test('a replacement of unknown cost takes the loss over; its basis stays unknown', () => {
    const result = wash(`
      2024-01-02  buy 10 X for 100   #a
      2024-03-10  buy 10 X for ?     #b
      2024-03-01  sell 10 #a for 80`);
    expect(putOff(result)).toEqual(['10 of #a -> #b: 20 put off, held from 2024-01-11']);
    expect(heldBasis(result)).toEqual(['#b 10 basis ?']);
  });

  test('units bought nobody knows when may replace a loss near them: it counts, and the doubt is told', () => {
    const { acquisitions, closes } = washRows(`
      2024-03-05  buy 10 X for 90    #opening
      2024-01-02  buy 10 X for 100   #a
      2024-01-02  buy 10 X for 100   #early
      2024-02-03  sell 10 #early for 80
      2024-03-20  sell 10 #a for 80`);
    const rows = acquisitions.map((row) =>
      row.lotId === '#opening' ? { ...row, purchased: 'unknown' as const } : row,
    );
    const result = washSales(rows, closes);
    expect(result.adjustments).toEqual([]);
    expect(result.unknown.map(({ closureId, doubt }) => `${closureId} ${doubt}`)).toEqual([
      '#a/2 replacement_unknown',
      '#early/1 replacement_unknown',
    ]);
  });

  test('what was lost was held since nobody knows when: no days are added, and that is told', () => {
    const { acquisitions, closes } = washRows(`
      2024-01-02  buy 10 X for 100   #a
      2024-03-10  buy 10 X for 90    #b
      2024-03-01  sell 10 #a for 80`);
    const result = washSales(
      acquisitions,
      closes.map((row) => ({ ...row, acquisitionKnown: false })),
    );
    expect(putOff(result)).toEqual(['10 of #a -> #b: 20 put off, held from 2024-03-10']);
    expect(result.unknown).toEqual([
      { accountId: 1, lotId: '#b', closureId: null, doubt: 'holding_unknown' },
    ]);
  });

  test('a close of a lot that is not there is a fault', () => {
    const { closes } = washRows(`
      2024-01-02  buy 10 X for 100   #a
      2024-03-01  sell 10 #a for 80`);
    expect(() => washSales([], closes)).toThrow('Close #a/1 names a lot that is not there.');
  });

  test('units that vanished without a sale replace nothing; units transferred away do', () => {
    const { acquisitions, closes } = washRows(`
      2024-01-02  buy 10 X for 100   #a
      2024-03-10  buy 10 X for 90    #b
      2024-03-01  sell 10 #a for 80
      2024-03-20  sell 10 #b for 90`);
    const ended = (disposal: 'gone' | 'carried') =>
      washSales(acquisitions, [closes[0]!, { ...closes[1]!, disposal }]);
    expect(putOff(ended('gone'))).toEqual([]);
    expect(putOff(ended('carried'))).toEqual(['10 of #a -> #b: 20 put off, held from 2024-01-11']);
    expect(ended('carried').unknown.map(({ lotId, doubt }) => `${lotId} ${doubt}`)).toEqual([
      '#b carry_unknown',
    ]);
  });
});

describe('the regulation (26 CFR 1.1091-1(h))', () => {
  test('example 1: bought before the sale', () => {
    const result = wash(`
      1954-12-01  buy 100 M for 10000   #a
      1954-12-15  buy 100 M for 9000    #b
      1955-01-03  sell 100 #a for 9000`);
    expect(putOff(result)).toEqual(['100 of #a -> #b: 1000 put off, held from 1954-11-12']);
    expect(taxable(result)).toBe('0');
  });

  test('example 2: three quarters replaced', () => {
    const result = wash(`
      1954-09-21  buy 100 M for 5000    #a
      1954-12-21  buy 50 M for 2750     #b
      1954-12-27  buy 25 M for 1125     #c
      1955-01-03  sell 100 #a for 4000`);
    expect(heldBasis(result)).toEqual(['#b 50 basis 3250', '#c 25 basis 1375']);
    expect(taxable(result)).toBe('-250');
  });

  test('example 3: more bought than sold, the earliest replace', () => {
    const result = wash(`
      1954-09-15  buy 100 M for 5000    #a
      1956-02-01  sell 100 #a for 4000
      1956-02-15  buy 50 M for 2000     #b
      1956-02-16  buy 50 M for 2000     #c
      1956-02-17  buy 50 M for 2000     #d
      1956-02-18  buy 50 M for 2000     #e`);
    expect(heldBasis(result)).toEqual([
      '#b 50 basis 2500',
      '#c 50 basis 2500',
      '#d 50 basis 2000',
      '#e 50 basis 2000',
    ]);
  });

  test('example 4: gains of the same day are left alone', () => {
    const result = wash(`
      2009-03-01  buy 100 M for 15800   #a
      2009-06-01  buy 100 M for 10000   #b
      2009-09-01  buy 100 M for 9500    #c
      2014-12-26  sell 100 #a for 12500
      2014-12-26  sell 100 #b for 12500
      2014-12-26  sell 100 #c for 12500
      2015-01-09  buy 250 M for 25000   #d`);
    expect(putOff(result)).toEqual(['100 of #a -> #d: 3300 put off, held from 2009-03-15']);
    expect(taxable(result)).toBe('5500');
  });
});

describe('the 61 days', () => {
  const bought = (day: string) =>
    putOff(
      wash(`
        2024-01-02  buy 10 X for 100   #a
        ${day}      buy 10 X for 90    #b
        2024-05-15  sell 10 #a for 80`),
    ).length;

  test('day 30 is in, day 31 is out, before and after', () => {
    expect(['2024-04-14', '2024-04-15', '2024-06-14', '2024-06-15'].map(bought)).toEqual([0, 1, 1, 0]);
  });

  test('days are calendar days: over the end of February and of a year', () => {
    const over = (sold: string, day: string) =>
      wash(`
        2022-01-02  buy 10 X for 100   #a
        ${day}      buy 10 X for 90    #b
        ${sold}     sell 10 #a for 80`).adjustments.length;
    expect([over('2024-02-28', '2024-03-29'), over('2024-02-28', '2024-03-30')]).toEqual([1, 0]);
    expect([over('2023-12-15', '2024-01-14'), over('2023-12-15', '2024-01-15')]).toEqual([1, 0]);
  });
});

describe('shares', () => {
  test('a part is replaced: the loss is split', () => {
    const result = wash(`
      2024-01-02  buy 100 X for 1000   #a
      2024-03-10  buy 60 X for 510     #b
      2024-03-01  sell 100 #a for 800`);
    expect(putOff(result)).toEqual(['60 of #a -> #b: 120 put off, held from 2024-01-11']);
    expect(heldBasis(result)).toEqual(['#b 60 basis 630']);
    expect(result.accounts.get(1)!.byClosure.get('#a/1')).toEqual({
      washIn: decimal('0'),
      washOut: decimal('120'),
      permanentlyLost: decimal('0'),
    });
    expect(result.accounts.get(1)!.byLot.get('#b')).toEqual({
      washIn: decimal('120'),
      openWashIn: decimal('120'),
      openHoldingFrom: ['2024-01-11'],
    });
  });

  test('thirds add up to the loss', () => {
    const result = wash(`
      2024-01-02  buy 3 X for 10     #a
      2024-03-10  buy 1 X for 1      #b
      2024-03-11  buy 1 X for 1      #c
      2024-03-12  buy 1 X for 1      #d
      2024-03-01  sell 3 #a for 9`);
    expect(result.adjustments.map(({ disallowed }) => disallowed.toString())).toEqual([
      '0.333333333333333333',
      '0.333333333333333333',
      '0.333333333333333334',
    ]);
  });

  test('a chain: put off twice, counted once', () => {
    const result = wash(`
      2024-01-02  buy 10 X for 100   #a
      2024-02-10  buy 10 X for 90    #b
      2024-03-20  buy 10 X for 70    #c
      2024-02-01  sell 10 #a for 80
      2024-03-01  sell 10 #b for 60
      2024-06-03  sell 10 #c for 50`);
    expect(putOff(result)).toEqual([
      '10 of #a -> #b: 20 put off, held from 2024-01-11',
      '10 of #b -> #c: 50 put off, held from 2024-01-30',
    ]);
    expect(taxable(result)).toBe('-70');
  });

  test('one purchase replaces once', () => {
    const result = wash(`
      2024-01-02  buy 10 X for 100   #a
      2024-01-03  buy 10 X for 100   #b
      2024-03-10  buy 10 X for 70    #c
      2024-03-01  sell 10 #a for 80
      2024-03-02  sell 10 #b for 80`);
    expect(putOff(result)).toEqual(['10 of #a -> #c: 20 put off, held from 2024-01-11']);
    expect(taxable(result)).toBe('-20');
  });

  test('the rest of the lot, and of its order, replaces nothing', () => {
    const text = (order: string) => `
      2024-06-03  buy 150 X for 1500   #a ${order}
      2024-06-03  buy 100 X for 1000   #b ${order}
      2024-06-12  sell 100 #a for 800`;
    expect(putOff(wash(text('order o1')))).toEqual([]);
    expect(putOff(wash(text('')))).toEqual(['100 of #a -> #b: 200 put off, held from 2024-05-25']);
  });

  test('orders of one name in two accounts are two orders', () => {
    const text = `
      2024-06-03  buy 100 X for 1000   #a order o1
      2024-06-03  buy 100 X for 1000   #b order o1 in 2
      2024-06-12  sell 100 #a for 800`;
    expect(putOff(wash(text, TAXPAYER_WASH))).toHaveLength(1);
  });

  test('what was sold before the loss replaces nothing, unless it is chosen so', () => {
    const text = `
      2024-05-20 10:00  buy 10 X for 100   #a
      2024-05-25 10:00  buy 10 X for 90    #b
      2024-06-01 10:00  sell 10 #b for 95
      2024-06-01 11:00  sell 10 #a for 80`;
    expect(putOff(wash(text))).toEqual([]);
    const eligible = wash(text, { ...ACCOUNT_WASH, replacementSoldBefore: 'eligible' });
    expect(putOff(eligible)).toEqual(['10 of #a -> #b: 20 put off, held from 2024-05-13']);
    expect(taxable(eligible)).toBe('-15');
  });

  test('what went back to a sale at a loss is put off again', () => {
    const result = wash(
      `
      2024-05-20  buy 10 X for 100   #a
      2024-05-25  buy 10 X for 90    #b
      2024-05-30  sell 10 #b for 95
      2024-06-01  sell 10 #a for 80
      2024-06-20  buy 10 X for 85    #c`,
      { ...ACCOUNT_WASH, replacementSoldBefore: 'eligible' },
    );
    expect(putOff(result)).toEqual([
      '10 of #a -> #b: 20 put off, held from 2024-05-13',
      '10 of #b -> #c: 15 put off, held from 2024-06-03',
    ]);
  });

  test('losses of one day are taken in order of their sale, those of one moment in order of acquisition', () => {
    const text = (first: string, second: string) => `
      2024-01-02  buy 10 X for 100   #a
      2024-01-03  buy 10 X for 110   #b
      2024-03-01 ${first}  sell 10 #a for 80
      2024-03-01 ${second}  sell 10 #b for 80
      2024-03-10  buy 10 X for 70    #c`;
    expect(putOff(wash(text('10:00', '11:00')))[0]).toMatch(/^10 of #a/);
    expect(putOff(wash(text('11:00', '10:00')))[0]).toMatch(/^10 of #b/);
    expect(putOff(wash(text('10:00', '10:00')))[0]).toMatch(/^10 of #a/);
  });

  test('an order inside a loss by earlier wash sales may replace it, unless it is chosen otherwise', () => {
    const text = `
      2024-06-03  buy 10 X for 100   #a order o1
      2024-06-03  buy 10 X for 100   #rest order o1
      2024-06-10  buy 10 X for 90    #b
      2024-06-07  sell 10 #a for 80
      2024-06-12  sell 10 #b for 70`;
    expect(putOff(wash(text))).toEqual([
      '10 of #a -> #b: 20 put off, held from 2024-06-06',
      '10 of #b -> #rest: 40 put off, held from 2024-05-28',
    ]);
    expect(putOff(wash(text, { ...ACCOUNT_WASH, ancestors: 'not_eligible' }))).toHaveLength(1);
  });

  test('of what was bought at one moment, the book says what came first', () => {
    const result = wash(`
      2024-01-02  buy 10 X for 100   #a
      2024-03-01  sell 10 #a for 80
      2024-03-10  buy 10 X for 90    #z
      2024-03-10  buy 10 X for 90    #b`);
    expect(putOff(result)).toEqual(['10 of #a -> #z: 20 put off, held from 2024-01-11']);
  });

  test('other securities are others', () => {
    const text = `
      2024-01-02  buy 10 X for 100   #a
      2024-03-10  buy 10 Y for 90    #b
      2024-03-01  sell 10 #a for 80`;
    expect(putOff(wash(text, TAXPAYER_WASH))).toEqual([]);
  });
});

describe('accounts', () => {
  const two = `
    2024-01-02  buy 10 X for 100   #a
    2024-03-10  buy 10 X for 90    #b in 2
    2024-03-01  sell 10 #a for 80`;

  test('scope account sees one account, scope taxpayer all', () => {
    expect(putOff(wash(two, ACCOUNT_WASH))).toEqual([]);
    const result = wash(two, TAXPAYER_WASH);
    expect(putOff(result)).toEqual(['10 of #a -> #b: 20 put off, held from 2024-01-11']);
    expect(result.adjustments[0]).toMatchObject({
      id: 'taxpayer:#a/1:1',
      accountId: 1,
      replacementAccountId: 2,
    });
    expect(result.accounts.get(2)!.byLot.get('#b')!.openWashIn.toString()).toBe('20');
    expect(result.accounts.get(1)!.byLot.size).toBe(0);
  });

  test('replaced in an IRA the loss is gone (Rev. Rul. 2008-5)', () => {
    const result = wash(two.replace('in 2', 'in ira'), TAXPAYER_WASH);
    expect(putOff(result)).toEqual(['10 of #a -> #b: 20 lost, held from 2024-03-10']);
    expect(heldBasis(result)).toEqual(['#b 10 basis 90']);
    expect(result.accounts.get(1)!.byClosure.get('#a/1')!.permanentlyLost.toString()).toBe('20');
    expect(result.accounts.get(IRA)!.byLot.size).toBe(0);
  });

  test('a loss in an IRA is none: it uses up no replacement', () => {
    const result = wash(
      `
      2024-01-02  buy 10 X for 100   #i in ira
      2024-01-02  buy 10 X for 100   #a
      2024-02-28  sell 10 #i for 80
      2024-03-01  sell 10 #a for 70
      2024-03-10  buy 10 X for 90    #b`,
      TAXPAYER_WASH,
    );
    expect(putOff(result)).toEqual(['10 of #a -> #b: 30 put off, held from 2024-01-11']);
  });
});

describe('options', () => {
  test('a call bought replaces its stock for the taxpayer, one contract a hundred shares', () => {
    const text = `
      2024-01-02  buy 250 X for 2500     #a
      2024-03-01  sell 250 #a for 2250
      2024-03-10  buy 2 X:call for 300   #c`;
    expect(putOff(wash(text, ACCOUNT_WASH))).toEqual([]);
    const result = wash(text, TAXPAYER_WASH);
    expect(putOff(result)).toEqual(['200 of #a -> #c: 200 put off, held from 2024-01-11']);
    expect(heldBasis(result)).toEqual(['#c 2 basis 500']);
  });

  test('sixty shares use six tenths of a contract', () => {
    const result = wash(
      `
      2024-01-02  buy 60 X for 600       #a
      2024-03-01  sell 60 #a for 540
      2024-03-10  buy 1 X:call for 300   #c`,
      TAXPAYER_WASH,
    );
    expect(heldBasis(result)).toEqual(['#c 0.6 basis 240', '#c 0.4 basis 120']);
  });

  test('what is left of a contract replaces the next loss', () => {
    const result = wash(
      `
      2024-01-02  buy 100 X for 1000     #a
      2024-03-01  sell 60 #a for 540
      2024-03-02  sell 40 #a for 380
      2024-03-10  buy 1 X:call for 300   #c`,
      TAXPAYER_WASH,
    );
    expect(putOff(result)).toEqual([
      '60 of #a -> #c: 60 put off, held from 2024-01-11',
      '40 of #a -> #c: 20 put off, held from 2024-01-10',
    ]);
  });

  test('stock does not replace a call; another purchase of the same call does, in every scope', () => {
    const lost = `
      2024-01-02  buy 2 X:call for 500   #c
      2024-03-01  sell 2 #c for 300`;
    for (const policy of [ACCOUNT_WASH, TAXPAYER_WASH]) {
      expect(putOff(wash(`${lost}\n2024-03-10  buy 200 X for 2000   #a`, policy))).toEqual([]);
      expect(putOff(wash(`${lost}\n2024-03-10  buy 1 X:call for 100   #d`, policy))).toEqual([
        '1 of #c -> #d: 100 put off, held from 2024-01-11',
      ]);
    }
  });

  test('an exercised call hands on what was put off into it, to the shares it brought, sold or held', () => {
    const { acquisitions, closes } = washRows(`
      2024-01-02  buy 100 X for 1000       #a
      2024-03-01  sell 100 #a for 800
      2024-03-10  buy 1 X:call for 300     #c
      2024-03-20  sell 1 #c for 300
      2024-03-20  buy 100 X for 1300       #stock
      2024-09-20  sell 40 #stock for 400`);
    const exercised = closes.map((row) =>
      row.lotId === '#c' ? { ...row, disposal: 'carried' as const, carriedInto: '#stock' } : row,
    );
    const result = washSales(acquisitions, exercised, TAXPAYER_WASH);
    expect(putOff(result)).toEqual(['100 of #a -> #c: 200 put off, held from 2024-01-11']);
    expect(heldBasis(result)).toEqual(['#stock 60 basis 900']);
    expect(result.accounts.get(1)!.byClosure.get('#stock/3')!.washIn.toString()).toBe('80');
    expect(result.accounts.get(1)!.byClosure.has('#c/2')).toBe(false);
    expect(result.unknown).toEqual([]);
  });
});

describe('shorts (section 1091(e))', () => {
  test('a loss on a cover is put off into another short of the same', () => {
    const result = wash(`
      2024-01-02  short 10 X for 500   #s
      2024-03-01  cover 10 #s for 700
      2024-03-10  short 10 X for 650   #t
      2024-09-01  cover 10 #t for 600`);
    expect(putOff(result)).toEqual(['10 of #s -> #t: 200 put off, held from 2024-03-10']);
    expect(taxable(result)).toBe('-150');
  });

  test('longs and shorts do not replace each other', () => {
    const result = wash(`
      2024-01-02  buy 10 X for 700     #a
      2024-03-01  sell 10 #a for 500
      2024-03-10  short 10 X for 650   #t`);
    expect(putOff(result)).toEqual([]);
  });
});

describe('splits', () => {
  test('units of before and after a split meet as shares: four new ones replace one old', () => {
    const { acquisitions, closes } = washRows(`
      2024-01-02  buy 10 X for 1000   #a
      2024-03-01  sell 10 #a for 800
      2024-03-10  buy 60 X for 1500   #b`);
    const result = washSales(
      acquisitions,
      closes.map((row) => ({ ...row, unitWeight: decimal('4') })),
    );
    expect(putOff(result)).toEqual(['10 of #a -> #b: 200 put off, held from 2024-01-11']);
    expect(heldBasis(result)).toEqual(['#b 40 basis 1200', '#b 20 basis 500']);
  });
});

test('a security can be worked out alone: the keys say what belongs together', () => {
  const [stock, call, other] = washRows(`
    2024-01-02  buy 10 X for 1000       #a
    2024-03-10  buy 1 X:call for 300    #c in 2
    2024-03-10  buy 1 Y for 300         #d`).acquisitions.map((row) => washGroupKey(row, TAXPAYER_WASH));
  expect(call).toBe(stock);
  expect(other).not.toBe(stock);
});
