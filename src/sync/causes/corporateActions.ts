/**
 * Corporate actions by their mark on positions: quantity times an exact ratio while cost and value stay, one name for
 * another, a new holding whose cost came out of an old one. The rows that say so are listed in the same night or later.
 */
import { Decimal } from '../../domain/decimal.ts';
import { type FindingCause } from '../../domain/finding.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { type SnapshotPosition } from '../../domain/snapshot.ts';
import { type PositionObservation } from '../../store/store.ts';
import {
  cashKey,
  cashPart,
  left,
  openRests,
  positionPart,
  ruled,
  type Circumstances,
  type Claim,
  type OpenRest,
  type Part,
  type Rest,
} from './claim.ts';
import { isSameContract, ratioOf, sameMoney, type Ratio } from './ratios.ts';
import { type RuleName } from './rules.ts';

/** Actions of which every figure fits. */
export function clearActions(
  circumstances: Circumstances,
  rest: Rest,
  earlier: readonly Claim[],
): readonly Claim[] {
  return actionsOf(circumstances, rest, earlier).filter((claim) => claim.rule !== 'action_in_part');
}

/** Actions that would fit where a figure is missing, or money moved along. */
export function vagueActions(
  circumstances: Circumstances,
  rest: Rest,
  earlier: readonly Claim[],
): readonly Claim[] {
  return actionsOf(circumstances, rest, earlier).filter((claim) => claim.rule === 'action_in_part');
}

function actionsOf(circumstances: Circumstances, rest: Rest, earlier: readonly Claim[]): readonly Claim[] {
  const rows = openRests(circumstances, rest);
  const actions = [
    ...rows.flatMap((row) => splitOf(circumstances, rest, row, tradedOf(earlier, row.instrument)) ?? []),
    ...exchanges(circumstances, rest, rows),
    ...rows.flatMap((row) => spinoffOf(circumstances, row) ?? []),
  ];
  const taken = new Set(actions.flatMap((claim) => claim.parts.map((part) => part.instrument)));
  const others = rows.filter((row) => !taken.has(row.instrument.id));
  return withContracts(circumstances, actions, others);
}

// ---- splits -----------------------------------------------------------------------------------------------------

/** What orders explain of the same instrument: units, and what was paid for them. */
interface Traded {
  readonly quantity: Decimal;
  readonly cost: Decimal;
}

function tradedOf(earlier: readonly Claim[], { id }: Instrument): Traded {
  const own = earlier.filter((claim) => claim.parts[0]!.instrument === id).flatMap((claim) => claim.parts);
  const sum = (isMeant: (part: Part) => boolean): Decimal =>
    Decimal.sum(own.filter(isMeant).map((part) => part.amount));
  return {
    quantity: sum((part) => part.instrument === id),
    cost: sum((part) => part.instrument === null).negate(),
  };
}

/**
 * The same name, an exact ratio of the quantity before, cost and value as they were. What was bought on the day of the
 * split and is not listed either counts in new shares.
 */
function splitOf(circumstances: Circumstances, rest: Rest, row: OpenRest, traded: Traded): Claim | null {
  const { instrument } = row;
  const without = row.without.minus(traded.quantity);
  const broker = row.broker.minus(traded.quantity);
  if (instrument.kind !== 'equity' || broker.isZero() || without.isZero()) return null;
  const cash = left(rest, cashKey(instrument.currency));
  const exact = ratioOf(without, broker);
  // 41 that become 10 are 1 for 4 with a fraction paid out, not 10 for 41.
  const isWhole = exact !== null && isUsual(exact);
  const inLieu = isWhole ? null : ratioWithFraction(circumstances, { ...row, broker, without }, cash);
  const found = inLieu ?? exact;
  if (found === null) return null;
  // Money that moved along is a purchase unless every order is known.
  if (!cash.isZero() && inLieu === null && circumstances.orders === null) return null;
  const before = circumstances.before.get(instrument.id);
  const now = circumstances.positions.get(instrument.id);
  if (before === undefined || now === undefined || !before.quantity.equals(without)) return null;
  // Selling changes what the rest cost by the broker's own rules: then nothing tells.
  if (traded.quantity.sign() * without.sign() < 0) return null;
  if (!keepsCost(before, now, traded.cost) || !keepsValue(before, { ...now, quantity: broker }, found))
    return null;
  const isSure = before.mark !== null && now.mark !== null;
  const parts: Part[] = [positionPart(instrument.id, row.amount)];
  if (inLieu !== null && !cash.isZero()) parts.push(cashPart(instrument.currency, cash));
  return {
    cause: 'split',
    rule: isSure ? 'split' : 'action_in_part',
    on: instrument.id,
    parts,
    evidence: [
      ruled(
        'split',
        `${without.toString()} became ${broker.toString()}, ${found.to.toString()} for ${found.from.toString()}: cost and ` +
          `value stayed${inLieu === null ? '' : `, a fraction was paid out`}.`,
      ),
    ],
  };
}

/** Whole shares after a split whose fraction was paid out: the ratio of which they are the whole part. */
function ratioWithFraction(
  { positions }: Circumstances,
  { instrument, broker, without }: OpenRest,
  cash: Decimal,
): Ratio | null {
  const price = positions.get(instrument.id)?.mark ?? null;
  // The money for the fraction may come days later.
  if (price === null || cash.abs().compare(price.abs()) > 0) return null;
  if (!cash.isZero() && cash.sign() !== broker.sign()) return null;
  if (!broker.round(0, 'down').equals(broker)) return null;
  const fits = USUAL_RATIOS.filter(({ to, from }) =>
    without.times(to).dividedBy(from, 9).round(0, 'down').equals(broker),
  );
  return fits.length === 1 ? fits[0]! : null;
}

const ratio = (to: number, from: number): Ratio => ({
  to: Decimal.ofInteger(to),
  from: Decimal.ofInteger(from),
});

/** Splits as companies make them; with a fraction paid out nothing exact is left to work the ratio out from. */
const USUAL_RATIOS: readonly Ratio[] = [
  ...[2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 50].map((to) => ratio(to, 1)),
  ...[2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100].map((from) => ratio(1, from)),
  ...[ratio(3, 2), ratio(4, 3), ratio(5, 2), ratio(5, 4), ratio(7, 2), ratio(6, 5), ratio(11, 10)],
  ...[ratio(2, 3), ratio(3, 4), ratio(2, 5), ratio(4, 5), ratio(2, 7), ratio(5, 6)],
];

function isUsual({ to, from }: Ratio): boolean {
  return USUAL_RATIOS.some((usual) => usual.to.equals(to) && usual.from.equals(from));
}

/** The whole cost is what it was, as far as the digits of both averages tell. */
function keepsCost(before: PositionObservation, now: SnapshotPosition, paid: Decimal): boolean {
  if (before.averageCost === null || now.averageCost === null) return false;
  return sameMoney(
    { quantity: before.quantity, average: before.averageCost },
    { quantity: now.quantity, average: now.averageCost },
    paid,
  );
}

/** The value is nearer to what it was than to what the ratio alone would have made of it. */
function keepsValue(before: PositionObservation, now: SnapshotPosition, { to, from }: Ratio): boolean {
  if (before.mark === null || now.mark === null) return true;
  const earlier = before.quantity.times(before.mark).abs();
  const later = now.quantity.times(now.mark).abs();
  const middle = earlier.times(earlier).times(to).dividedBy(from, 12);
  const square = later.times(later);
  return to.compare(from) > 0 ? square.compare(middle) < 0 : square.compare(middle) > 0;
}

// ---- one name for another -----------------------------------------------------------------------------------------

/** A holding that went whole and one that came (or grew): a rename, or a merger by an exact ratio. */
function exchanges(circumstances: Circumstances, rest: Rest, rows: readonly OpenRest[]): readonly Claim[] {
  const gone = rows.filter((row) => row.broker.isZero());
  const grown = rows.filter((row) => !row.broker.isZero() && row.amount.sign() === row.broker.sign());
  const pairs = gone.flatMap((from) =>
    grown.flatMap((to) => {
      const claim =
        from.instrument.kind === 'equity' && to.instrument.kind === 'equity'
          ? exchangeOf(circumstances, rest, from, to)
          : null;
      return claim === null ? [] : [{ from, to, claim }];
    }),
  );
  // One name that could have become two others, or the other way round, is told by nobody.
  return pairs
    .filter(({ from, to }) => pairs.filter((pair) => pair.from === from || pair.to === to).length === 1)
    .map((pair) => pair.claim);
}

function exchangeOf(circumstances: Circumstances, rest: Rest, from: OpenRest, to: OpenRest): Claim | null {
  const before = circumstances.before.get(from.instrument.id);
  const now = circumstances.positions.get(to.instrument.id);
  const earlier = circumstances.before.get(to.instrument.id);
  if (before === undefined || now === undefined || !before.quantity.equals(from.without)) return null;
  const found = ratioOf(from.without, to.amount);
  if (found === null || from.without.sign() !== to.amount.sign()) return null;
  const cash = left(rest, cashKey(from.instrument.currency));
  const averages = [before.averageCost, now.averageCost];
  const isNew = earlier === undefined || earlier.quantity.isZero();
  const isRename = isNew && to.amount.equals(from.without);
  const name = `${from.instrument.symbol} ${from.without.toString()} went, ${to.instrument.symbol} ${to.amount.toString()} came`;
  const isWorthIt = keepsWorth(before, now, to.amount, cash);
  const claim = (rule: RuleName, evidence: string, money: readonly Part[] = []): Claim => ({
    cause: 'symbol_change',
    rule: isWorthIt ? rule : 'action_in_part',
    on: from.instrument.id,
    parts: [
      positionPart(from.instrument.id, from.amount),
      positionPart(to.instrument.id, to.amount),
      ...money,
    ],
    evidence: [ruled(rule, `${name}: ${evidence}.`)],
  });
  const costs = isNew ? Decimal.zero : costOf(earlier);
  const isKept = (more: Decimal): boolean =>
    averages[0] != null &&
    averages[1] != null &&
    costs !== null &&
    sameMoney(
      { quantity: before.quantity, average: averages[0] },
      { quantity: now.quantity, average: averages[1] },
      costs.plus(more),
    );
  if (isKept(Decimal.zero)) {
    const text = isRename ? 'the same quantity at the same cost' : 'an exact ratio, and the cost went along';
    return claim(isRename ? 'rename' : 'merger', text);
  }
  if (!cash.isZero() && isKept(cash.negate()))
    return claim('merger', `an exact ratio, and the cost went along less ${cash.toString()} in cash`, [
      cashPart(from.instrument.currency, cash),
    ]);
  // With money besides, the cost no longer tells; shares that went without an order for money and others did not.
  const paid = cash.sign() > 0 && circumstances.orders !== null && before.quantity.sign() > 0;
  if (!paid) return null;
  return claim('action_in_part', `with ${cash.toString()} in cash, as in a merger`, [
    cashPart(from.instrument.currency, cash),
  ]);
}

/**
 * How far the worth of what came may be from that of what went: the price goes on where it was. Two stocks of like price
 * that were transferred at one another's cost are further apart nearly always; where it moved more, it is a guess.
 */
const WORTH_ROOM = Decimal.ofScaled(5, 3);

/** Whether what came, with money, is worth what went by the last marks; never where a mark is missing. */
function keepsWorth(
  before: PositionObservation,
  now: SnapshotPosition,
  came: Decimal,
  cash: Decimal,
): boolean {
  if (before.mark === null || now.mark === null) return false;
  const earlier = before.quantity.times(before.mark);
  const later = came.times(now.mark);
  const isNear = (worth: Decimal): boolean =>
    worth.minus(earlier).abs().compare(earlier.abs().times(WORTH_ROOM)) <= 0;
  return isNear(later) || isNear(later.plus(cash));
}

function costOf(observation: PositionObservation | undefined): Decimal | null {
  if (observation?.averageCost == null) return null;
  return observation.quantity.times(observation.averageCost);
}

// ---- spin-offs ----------------------------------------------------------------------------------------------------

/** A new holding whose cost is just what an old one, of the same quantity as before, has lost. */
function spinoffOf(
  circumstances: Circumstances,
  { instrument, amount, broker, without }: OpenRest,
): Claim | null {
  const child = circumstances.positions.get(instrument.id);
  if (instrument.kind !== 'equity' || !without.isZero() || child?.averageCost == null) return null;
  const parents = [...circumstances.before.values()].filter((before) => {
    const now = circumstances.positions.get(before.instrument);
    if (before.averageCost === null || now?.averageCost == null || before.quantity.isZero()) return false;
    if (!before.quantity.equals(now.quantity) || before.averageCost.compare(now.averageCost) <= 0)
      return false;
    return (
      ratioOf(before.quantity, broker) !== null &&
      sameMoney(
        { quantity: before.quantity, average: before.averageCost },
        { quantity: now.quantity, average: now.averageCost },
        child.quantity.times(child.averageCost!).negate(),
      )
    );
  });
  const [parent] = parents;
  if (child.averageCost.isZero()) return spinoffAtZero(circumstances, instrument, amount);
  if (parents.length !== 1 || parent === undefined) return null;
  const name = circumstances.instruments.get(parent.instrument)?.symbol ?? parent.instrument;
  return {
    cause: 'split',
    rule: 'spinoff',
    on: parent.instrument,
    parts: [positionPart(instrument.id, amount)],
    evidence: [
      ruled(
        'spinoff',
        `Its cost of ${child.quantity.times(child.averageCost).toString()} came out of ${name}.`,
      ),
    ],
  };
}

/** Alpaca lists a spin-off at a price of zero until the companies say how the cost divides. */
function spinoffAtZero(circumstances: Circumstances, { id }: Instrument, amount: Decimal): Claim | null {
  const parents = [...circumstances.before.values()].filter(
    (before) => before.instrument.startsWith('equity:') && ratioOf(before.quantity, amount) !== null,
  );
  const [parent] = parents;
  if (parent === undefined) return null;
  const on = parents.length === 1 ? { on: parent.instrument } : {};
  const text = 'New shares came at no cost, by an exact ratio of shares that are held.';
  const parts = [positionPart(id, amount)];
  return { cause: 'split', rule: 'action_in_part', ...on, parts, evidence: [ruled('action_in_part', text)] };
}

// ---- contracts ----------------------------------------------------------------------------------------------------

/**
 * Contracts on what was split or renamed are exchanged in the same night: they belong to the action's finding, or are
 * one of their own where only contracts were held.
 */
function withContracts(
  circumstances: Circumstances,
  actions: readonly Claim[],
  rows: readonly OpenRest[],
): readonly Claim[] {
  const gone = rows.filter(({ instrument, broker }) => instrument.option !== null && broker.isZero());
  const come = rows.filter(({ instrument, without }) => instrument.option !== null && without.isZero());
  const pairs = gone.flatMap((from) => {
    const fits = come.filter((to) => isSameContract(from, to));
    return fits.length === 1 ? [{ from, to: fits[0]! }] : [];
  });
  const claims = [...actions];
  for (const { from, to } of pairs) {
    const parts = [positionPart(from.instrument.id, from.amount), positionPart(to.instrument.id, to.amount)];
    const { underlying } = from.instrument.option!;
    const place = claims.findIndex((claim) => isOn(circumstances, claim, underlying));
    if (place >= 0) {
      claims[place] = { ...claims[place]!, parts: [...claims[place]!.parts, ...parts] };
      continue;
    }
    const cause: FindingCause =
      from.instrument.option!.strike.equals(to.instrument.option!.strike) &&
      !/^\d$/.test(rootTail(to.instrument))
        ? 'symbol_change'
        : 'split';
    claims.push({
      cause,
      rule: 'action_in_part',
      parts,
      evidence: [
        ruled(
          'action_in_part',
          `${from.instrument.symbol} became ${to.instrument.symbol}, as contracts on a stock do.`,
        ),
      ],
    });
  }
  return claims;
}

function rootTail(instrument: Instrument): string {
  return instrument.symbol.slice(0, -15).slice(-1);
}

function isOn({ instruments }: Circumstances, { on }: Claim, underlying: string): boolean {
  return on !== undefined && instruments.get(on)?.symbol === underlying;
}
