/** Laws of the wash layer over random histories, and a second, plain model of the rule: one share at a time. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACCOUNT_WASH,
  TAXPAYER_WASH,
  washGroupKey,
  washSales,
  type WashAcquisition,
  type WashClose,
  type WashPolicy,
  type WashResult,
} from '../../src/book/wash.ts';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { addDays, parseInstant, parseTradeDate } from '../../src/domain/time.ts';

interface PlayedLot {
  readonly account: number;
  readonly day: number;
  readonly security: string;
  readonly order: string | null;
  readonly unitCost: number;
  readonly held: number;
  readonly sales: readonly {
    readonly later: number;
    readonly quantity: number;
    readonly unitPrice: number;
  }[];
}

const sale = fc.record({
  later: fc.integer({ min: 0, max: 60 }),
  quantity: fc.integer({ min: 1, max: 4 }),
  unitPrice: fc.integer({ min: 1, max: 9 }),
});
const lot = fc.record({
  account: fc.constantFrom(1, 1, 1, 2, 9),
  day: fc.integer({ min: 0, max: 90 }),
  security: fc.constantFrom('X', 'X', 'X', 'X', 'Y'),
  order: fc.constantFrom(null, null, 'o1', 'o2'),
  unitCost: fc.integer({ min: 1, max: 9 }),
  held: fc.integer({ min: 0, max: 3 }),
  sales: fc.array(sale, { maxLength: 3 }),
});
const history = fc.array(lot, { minLength: 1, maxLength: 14 });
const policies = fc.constantFrom<WashPolicy>(
  ACCOUNT_WASH,
  TAXPAYER_WASH,
  { ...TAXPAYER_WASH, replacementSoldBefore: 'eligible' },
  { ...TAXPAYER_WASH, ancestors: 'not_eligible', restOfCut: 'last' },
  { ...TAXPAYER_WASH, sameMoment: 'as_group', ancestors: 'not_eligible' },
);

const START = parseTradeDate('2024-01-01');
const IRA = 9;

/** Rows with a moment of their own each, or (`rough`) of whole days, where only the rule decides what comes first. */
function rowsOf(lots: readonly PlayedLot[], rough = false, scale = Decimal.one) {
  const acquisitions: WashAcquisition[] = [];
  const closes: WashClose[] = [];
  const time = (hour: number, count: number) => hour * 60 + count;
  const clock = (minute: number) =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  const at = (day: number, minute: number) => {
    const date = addDays(START, day);
    return { date, at: parseInstant(rough ? `${date}T12:00:00Z` : `${date}T${clock(minute)}:00Z`) };
  };
  for (const [index, played] of lots.entries()) {
    const opened = at(played.day, time(1, index));
    const money = (units: number, each: number) => Decimal.ofInteger(units * each).times(scale);
    acquisitions.push({
      accountId: played.account,
      accountType: played.account === IRA ? 'ira' : 'taxable',
      lotId: `#${index}`,
      securityKey: played.security,
      orderId: played.order,
      acquiredDate: opened.date,
      acquiredAt: opened.at,
      seq: index,
      openQuantity: Decimal.ofInteger(played.held),
      openCost: money(played.held, played.unitCost),
      holdingFrom: opened.date,
      currency: 'USD',
    });
    for (const { later, quantity, unitPrice } of played.sales) {
      const closed = at(played.day + later, time(12, closes.length));
      closes.push({
        accountId: played.account,
        closureId: `c${closes.length}`,
        lotId: `#${index}`,
        closedDate: closed.date,
        closedAt: closed.at,
        quantity: Decimal.ofInteger(quantity),
        cost: money(quantity, played.unitCost),
        proceeds: money(quantity, unitPrice),
      });
    }
  }
  return { acquisitions, closes };
}

const sum = <Row>(rows: readonly Row[], of: (row: Row) => Decimal): Decimal => Decimal.sum(rows.map(of));
const text = (result: WashResult): string =>
  JSON.stringify([result.adjustments, result.pieces, [...result.accounts.keys()].sort()]);

/** Awkward money too: thirds of a cent, and losses of the last digit. */
const scales = fc.constantFrom('1', '0.003333333333333333', '0.000000000000000001').map(decimal);

describe('laws', () => {
  test('what does not count now is in a basis or lost for ever, to the last digit', () => {
    fc.assert(
      fc.property(history, policies, fc.boolean(), scales, (lots, policy, rough, scale) => {
        const { acquisitions, closes } = rowsOf(lots, rough, scale);
        const { adjustments, pieces, accounts } = washSales(acquisitions, closes, policy);
        const out = sum(adjustments, (row) => row.disallowed);
        const lost = sum(adjustments, (row) => row.permanentlyLost);
        const byLot = [...accounts.values()].flatMap(({ byLot }) => [...byLot.values()]);
        expect(sum(byLot, (row) => row.washIn).plus(lost)).toEqual(out);
        expect(sum(pieces, (piece) => piece.disallowed)).toEqual(out);
        const byClosure = [...accounts.values()].flatMap(({ byClosure }) => [...byClosure.values()]);
        expect(sum(byClosure, (row) => row.washOut)).toEqual(out);
      }),
    );
  });

  test('pieces add up to what was bought and sold', () => {
    fc.assert(
      fc.property(history, policies, fc.boolean(), scales, (lots, policy, rough, scale) => {
        const { acquisitions, closes } = rowsOf(lots, rough, scale);
        const { pieces } = washSales(acquisitions, closes, policy);
        for (const row of closes) {
          const own = pieces.filter(({ closureId }) => closureId === row.closureId);
          expect(sum(own, (piece) => piece.quantity)).toEqual(row.quantity);
          expect(sum(own, (piece) => piece.proceeds!)).toEqual(row.proceeds);
          expect(sum(own, (piece) => piece.adjustedBasis!.minus(piece.washIn))).toEqual(row.cost);
        }
        for (const row of acquisitions) {
          const own = pieces.filter(({ closureId, lotId }) => closureId === null && lotId === row.lotId);
          expect(sum(own, (piece) => piece.quantity)).toEqual(row.openQuantity);
          expect(sum(own, (piece) => piece.adjustedBasis!.minus(piece.washIn))).toEqual(row.openCost);
        }
      }),
    );
  });

  test('each share replaces once and is washed once; gains are left alone; no more than the loss is put off', () => {
    fc.assert(
      fc.property(history, policies, fc.boolean(), (lots, policy, rough) => {
        const { acquisitions, closes } = rowsOf(lots, rough);
        const { adjustments, pieces } = washSales(acquisitions, closes, policy);
        for (const { lotId, openQuantity } of acquisitions) {
          const bought = sum(
            closes.filter((row) => row.lotId === lotId),
            (row) => row.quantity,
          ).plus(openQuantity);
          const used = sum(
            adjustments.filter((row) => row.replacementLotId === lotId),
            (row) => row.quantity,
          );
          expect(used.compare(bought)).not.toBe(1);
        }
        for (const piece of pieces) {
          if (piece.disallowed.isZero()) continue;
          expect(piece.disallowed).toEqual(piece.adjustedBasis!.minus(piece.proceeds!));
          expect(piece.accountId).not.toBe(IRA);
        }
        for (const { closureId, lotId, disallowed } of adjustments) {
          const untouched = !adjustments.some((row) => row.replacementLotId === lotId);
          const { cost, proceeds } = closes.find((row) => row.closureId === closureId)!;
          if (untouched) expect(cost!.minus(proceeds!).compare(disallowed)).not.toBe(-1);
        }
      }),
    );
  });

  test('the order of the rows does not matter', () => {
    fc.assert(
      fc.property(
        history,
        policies,
        fc.boolean(),
        fc.infiniteStream(fc.nat()),
        (lots, policy, rough, keys) => {
          const { acquisitions, closes } = rowsOf(lots, rough);
          const shuffled = <Row>(rows: readonly Row[]): Row[] =>
            rows
              .map((row) => [keys.next().value as number, row] as const)
              .sort(([left], [right]) => left - right)
              .map(([, row]) => row);
          const straight = text(washSales(acquisitions, closes, policy));
          expect(text(washSales(shuffled(acquisitions), shuffled(closes), policy))).toBe(straight);
        },
      ),
    );
  });

  test('worked out security by security it is the same', () => {
    fc.assert(
      fc.property(history, policies, (lots, policy) => {
        const { acquisitions, closes } = rowsOf(lots);
        const lotsOf = new Map<string, WashAcquisition[]>();
        for (const row of acquisitions) {
          const key = washGroupKey(row, policy);
          lotsOf.set(key, [...(lotsOf.get(key) ?? []), row]);
        }
        const alone = [...lotsOf.values()].flatMap((rows) => {
          const ids = new Set(rows.map((row) => row.lotId));
          return washSales(
            rows,
            closes.filter((row) => ids.has(row.lotId)),
            policy,
          ).adjustments;
        });
        const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
        expect(sorted(alone)).toEqual(sorted(washSales(acquisitions, closes, policy).adjustments));
      }),
    );
  });
});

/** One share; the model knows nothing of pieces, queues and lists. */
interface Share {
  readonly row: WashAcquisition;
  readonly close: WashClose | null;
  readonly price: number;
  basis: number;
  used: boolean;
  dealtWith: boolean;
  disallowed: number;
}

function model(lots: readonly PlayedLot[]): Map<string, number> {
  const { acquisitions, closes } = rowsOf(lots);
  const shares: Share[] = [];
  for (const [index, row] of acquisitions.entries()) {
    const { unitCost, held } = lots[index]!;
    const add = (close: WashClose | null, price: number): void => {
      shares.push({ row, close, price, basis: unitCost, used: false, dealtWith: false, disallowed: 0 });
    };
    for (const close of closes.filter(({ lotId }) => lotId === row.lotId)) {
      const count = Number(close.quantity.toString());
      for (let n = 0; n < count; n += 1) add(close, Number(close.proceeds!.toString()) / count);
    }
    for (let n = 0; n < held; n += 1) add(null, 0);
  }
  const sold = (share: Share): string => share.close?.closedAt ?? '9';
  const isOpenLoss = (share: Share): boolean =>
    share.close !== null && !share.dealtWith && share.row.accountId !== IRA && share.basis > share.price;
  const earliest = (list: readonly Share[], of: (share: Share) => string): Share | undefined =>
    list.reduce<Share | undefined>(
      (best, share) => (best && of(best) <= of(share) ? best : share),
      undefined,
    );
  for (;;) {
    const loss = earliest(shares.filter(isOpenLoss), sold);
    if (loss === undefined) break;
    loss.dealtWith = true;
    const close = loss.close!;
    const replacement = earliest(
      shares.filter(
        ({ row, used, close: end }) =>
          !used &&
          row.securityKey === loss.row.securityKey &&
          row.lotId !== loss.row.lotId &&
          !(
            row.orderId !== null &&
            row.orderId === loss.row.orderId &&
            row.accountId === loss.row.accountId
          ) &&
          (end === null || end.closedAt > close.closedAt) &&
          row.acquiredDate >= addDays(close.closedDate, -30) &&
          row.acquiredDate <= addDays(close.closedDate, 30),
      ),
      (share) => share.row.acquiredAt + sold(share),
    );
    if (replacement === undefined) continue;
    replacement.used = true;
    loss.disallowed = loss.basis - loss.price;
    if (replacement.row.accountId !== IRA) replacement.basis += loss.disallowed;
  }
  const out = new Map<string, number>();
  for (const { close, disallowed } of shares) {
    if (disallowed > 0) out.set(close!.closureId, (out.get(close!.closureId) ?? 0) + disallowed);
  }
  return out;
}

test('one share at a time gives the same', () => {
  let washed = 0;
  fc.assert(
    fc.property(history, (lots) => {
      const { acquisitions, closes } = rowsOf(lots);
      const { accounts } = washSales(acquisitions, closes, TAXPAYER_WASH);
      const out = [...accounts.values()].flatMap(({ byClosure }) =>
        [...byClosure]
          .filter(([, row]) => !row.washOut.isZero())
          .map(([id, row]) => [id, row.washOut.toString()] as const),
      );
      const expected = [...model(lots)].map(([id, amount]) => [id, String(amount)] as const);
      expect(out.sort()).toEqual(expected.sort());
      washed += out.length;
    }),
    { numRuns: 300 },
  );
  expect(washed).toBeGreaterThan(100);
});
