import { describe, expect, test } from 'vitest';
import { restatedFractions } from '../../src/book/restatedCost.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { equity } from '../../src/domain/instrument.ts';
import { activities } from '../notation.ts';

type Details = Readonly<Record<string, string>>;

/** A row of a spin-off: what it moves and what else it says. */
function spinoff(symbol: string, quantity: string, details: Details, more: Partial<Activity> = {}): Activity {
  const [plain] = activities('2024-11-26 deposit 1');
  return {
    ...plain!,
    rootId: `SPIN:${symbol}:${quantity}:${JSON.stringify(details)}`,
    kind: 'spinoff',
    amount: decimal('0'),
    instrument: equity(symbol),
    quantity: decimal(quantity),
    groupId: 'one',
    details,
    ...more,
  };
}

/** 100 SEM at 62 that give an eighth of their cost to 25 CON. */
const CON = spinoff('CON', '25', { parent: 'SEM', price: '31' });
const OUT = spinoff('SEM', '0', { restates: 'cost', quantityOnWire: '-100', price: '62' });
const IN = spinoff('SEM', '0', { restates: 'cost', quantityOnWire: '100', price: '54.25' });

/** `CON 0.125`: which child takes which part. */
function parts(...rows: Activity[]): string[] {
  const fractions = restatedFractions(rows);
  return rows.flatMap((row) => {
    const part = fractions.get(row.rootId);
    return part === undefined ? [] : [`${row.instrument?.symbol} ${part.toString()}`];
  });
}

describe('nothing is said', () => {
  test.each([
    ['by the child alone', [CON]],
    ['by the pair alone', [OUT, IN]],
    ['by the new cost without the old one', [CON, IN]],
    ['where the child has not been valued', [{ ...CON, details: { parent: 'SEM', price: '0' } }, OUT, IN]],
    ['where the child has no price', [{ ...CON, details: { parent: 'SEM' } }, OUT, IN]],
    ['where the parent carried nothing', [CON, { ...OUT, details: { ...OUT.details, price: '0' } }]],
    ['where the child would take all of it', [{ ...CON, details: { parent: 'SEM', price: '248' } }, OUT, IN]],
    ['by rows of another group', [CON, { ...OUT, groupId: 'two' }]],
    ['by rows the broker took back', [CON, { ...OUT, status: 'bust' as const }]],
    ['by rows of another kind', [CON, { ...OUT, kind: 'split' as const }]],
  ])('%s', (_, rows) => {
    expect(parts(...rows)).toEqual([]);
  });
});

test('what the child takes over what the parent carried', () => {
  expect(parts(CON, OUT, IN)).toEqual(['CON 0.125']);
  expect(parts(IN, OUT, CON)).toEqual(['CON 0.125']);
});

test('of the published rows', () => {
  const con = spinoff('CON', '0.054339042', { parent: 'SEM', price: '12.8328' });
  const out = spinoff('SEM', '0', { restates: 'cost', quantityOnWire: '-0.067337044', price: '22.276' });
  expect(parts(con, out)).toEqual(['CON 0.464881374553138719']);
});

test('a short: what is owed comes with the other sign', () => {
  const owed = { ...CON, quantity: decimal('-25') };
  const [out, back] = [OUT, IN].map((row) => {
    const quantityOnWire = decimal(row.details['quantityOnWire']!).negate().toString();
    return { ...row, details: { ...row.details, quantityOnWire } };
  });
  expect(parts(owed, back!, out!)).toEqual(['CON 0.125']);
});

test('rows without a group belong together by day and parent', () => {
  const alone = (row: Activity): Activity => ({ ...row, groupId: null });
  expect(parts(alone(CON), alone(OUT), alone(IN))).toEqual(['CON 0.125']);
  const other = { ...alone(CON), details: { ...CON.details, parent: 'KO' } };
  expect(parts(other, alone(OUT), alone(IN))).toEqual([]);
  const later = { ...alone(CON), tradeDate: '2024-11-27' as Activity['tradeDate'] };
  expect(parts(later, alone(OUT), alone(IN))).toEqual([]);
});

test('two children of one parent take a part each', () => {
  const fort = spinoff('FORT', '50', { parent: 'SEM', price: '12.4' });
  expect(parts(CON, fort, OUT, IN)).toEqual(['CON 0.125', 'FORT 0.1']);
});
