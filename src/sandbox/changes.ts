/**
 * What a holding turns into by one corporate action: shares, options on them, and the money between. The price of a leg
 * is the cost per unit that the broker carries on, as Alpaca's own rows show it.
 */
import { Decimal, decimal } from '../domain/decimal.ts';
import { equity, isAdjustedRoot, option, parseOcc, printOcc, type Instrument } from '../domain/instrument.ts';
import { type AdjustedContract, type CorporateAction, type LegName } from './entries.ts';
import { type Holding } from './fold.ts';

/** Digits behind the point of a quantity: brokers keep nine. */
const QUANTITY_PLACES = 9;
/** Digits of a carried cost per unit. */
const COST_PLACES = 8;
const HUNDRED = decimal('100');

export interface Leg {
  readonly which: LegName;
  readonly instrument: Instrument;
  /** Signed; absent where no position moves. */
  readonly quantity?: Decimal;
  readonly price?: Decimal | null;
  /** Signed money. */
  readonly amount?: Decimal;
}

interface Contracts {
  readonly contracts: ReadonlyMap<string, AdjustedContract>;
  readonly adjusted: (contract: AdjustedContract) => void;
}

/** The rows of a holding; null where the action does not touch it. */
export function changeOf(action: CorporateAction, holding: Holding, context: Contracts): Leg[] | null {
  const { instrument } = holding;
  if (instrument.kind === 'equity' && instrument.symbol === action.symbol) {
    if (action.kind === 'spinoff') return spunOff(action, holding);
    return action.kind === 'merger' ? merged(action, holding) : exchanged(action, holding);
  }
  if (instrument.option === null || underlyingOf(instrument, context.contracts) !== action.symbol)
    return null;
  const after = optionAfter(action, holding, context);
  return after === null ? null : optionLegs(holding, after);
}

/** Splits and renames: the same company under another count or name. */
function exchanged(action: CorporateAction, holding: Holding): Leg[] {
  const instrument = equity(action.to!);
  const { quantity, cash } = sharesAfter(action, holding);
  const carried = holding.quantity.times(holding.averagePrice);
  return [removal(holding), ...arrival('add', instrument, quantity, carried), ...inLieu(instrument, cash)];
}

/**
 * A spin-off: the old shares stay. Where the broker has worked out how the cost divides, it says so by a pair of rows
 * that takes them out at the old cost and puts them back at the new one; else the new shares come at a price of zero
 * and nothing is said of the old ones. Source: samples of both in Alpaca's guides to its activity streams.
 */
function spunOff(action: CorporateAction, holding: Holding): Leg[] {
  const instrument = equity(action.to!);
  const { quantity, cash } = sharesAfter(action, holding);
  const carried = holding.quantity.times(holding.averagePrice);
  const share = carried.times(action.basisFraction ?? Decimal.zero);
  const left = carried.minus(share).dividedBy(holding.quantity, COST_PLACES);
  const adjusted: Leg[] =
    action.basisFraction === null
      ? []
      : [
          removal(holding),
          { which: 'add', instrument: holding.instrument, quantity: holding.quantity, price: left },
        ];
  return [...adjusted, ...arrival('new', instrument, quantity, share), ...inLieu(instrument, cash)];
}

/** A merger: the old shares go for those of the acquirer, for cash, or for both. A short owes what a holder is given. */
function merged(action: CorporateAction, holding: Holding): Leg[] {
  const exact = (action.cashPerShare ?? Decimal.zero).times(holding.quantity);
  const paid = exact.round(2);
  const money: Leg[] =
    action.cashPerShare === null ? [] : [{ which: 'money', instrument: holding.instrument, amount: paid }];
  if (action.to === null) return [removal(holding), ...money];
  const instrument = equity(action.to);
  const { quantity, cash } = sharesAfter(action, holding);
  const rest = holding.quantity.times(holding.averagePrice).minus(exact);
  const carried = rest.sign() === holding.quantity.sign() ? rest : Decimal.zero;
  return [
    removal(holding),
    ...arrival('add', instrument, quantity, carried),
    ...money,
    ...inLieu(instrument, cash),
  ];
}

function removal(holding: Holding): Leg {
  const { instrument, quantity, averagePrice } = holding;
  return { which: 'remove', instrument, quantity: quantity.negate(), price: averagePrice };
}

function arrival(which: 'add' | 'new', instrument: Instrument, quantity: Decimal, carried: Decimal): Leg[] {
  if (quantity.isZero()) return [];
  return [{ which, instrument, quantity, price: carried.dividedBy(quantity, COST_PLACES) }];
}

function inLieu(instrument: Instrument, cash: Decimal | null): Leg[] {
  return cash === null ? [] : [{ which: 'cash', instrument, amount: cash }];
}

/** New shares of a holding: fractions stay unless cash is paid for them. */
function sharesAfter(action: CorporateAction, holding: Holding): { quantity: Decimal; cash: Decimal | null } {
  const exact = holding.quantity.times(action.newShares).dividedBy(action.oldShares, QUANTITY_PLACES);
  const whole = exact.round(0, 'down');
  if (action.cashInLieu === null || exact.equals(whole)) return { quantity: exact, cash: null };
  return { quantity: whole, cash: exact.sign() < 0 ? action.cashInLieu.negate() : action.cashInLieu };
}

// ---- options ----------------------------------------------------------------------------------------------------

/** The carried premium leaves and comes as offsetting money, as `OPCA` rows show it. */
function optionLegs(holding: Holding, after: { instrument: Instrument; quantity: Decimal }): Leg[] {
  const carried = holding.quantity.times(holding.averagePrice).times(holding.instrument.multiplier).round(2);
  const { instrument, quantity } = after;
  const price = carried.dividedBy(quantity.times(instrument.multiplier), COST_PLACES);
  return [
    { ...removal(holding), amount: carried },
    { which: 'add', instrument, quantity, price, amount: carried.negate() },
  ];
}

function optionAfter(
  action: CorporateAction,
  holding: Holding,
  context: Contracts,
): { instrument: Instrument; quantity: Decimal } | null {
  if (action.kind === 'rename') return renamedOption(action, holding);
  if (action.kind === 'split') return splitOption(action, holding, context);
  const { instrument } = holding;
  const shares = sharesOf(instrument, context.contracts);
  const others = context.contracts.get(instrument.symbol)?.others ?? [];
  const given = shares.times(action.newShares).dividedBy(action.oldShares, 6);
  const money = (action.cashPerShare ?? Decimal.zero).times(shares);
  const withMoney = money.isZero() ? others : [...others, { symbol: 'USD', amount: money }];
  const root = parseOcc(instrument.symbol)!.root;
  const after =
    action.kind === 'spinoff'
      ? adjusted(instrument, root, {
          underlying: action.symbol,
          shares,
          others: [...others, { symbol: action.to!, amount: given }],
        })
      : adjusted(instrument, action.to ?? root, {
          underlying: action.to ?? action.symbol,
          shares: given,
          others: withMoney,
        });
  context.adjusted(after.contract);
  return { instrument: after.instrument, quantity: holding.quantity };
}

function renamedOption(action: CorporateAction, holding: Holding): ReturnType<typeof optionAfter> {
  const occ = parseOcc(holding.instrument.symbol)!;
  if (occ.root !== action.symbol) return null; // an adjusted root keeps its own name
  return { instrument: option(printOcc({ ...occ, root: action.to! })), quantity: holding.quantity };
}

/**
 * A whole split multiplies contracts and divides the strike; any other keeps both and changes what one contract
 * delivers, under a root that ends in a digit. Source: OCC adjustment rules (Options Disclosure Document).
 */
function splitOption(
  action: CorporateAction,
  holding: Holding,
  context: Contracts,
): ReturnType<typeof optionAfter> {
  const occ = parseOcc(holding.instrument.symbol)!;
  const ratio = action.newShares.dividedBy(action.oldShares, QUANTITY_PLACES);
  const strike = occ.strike.times(action.oldShares).dividedBy(action.newShares, 6);
  const fits =
    strike.round(3).equals(strike) && ratio.round(0, 'down').equals(ratio) && !isAdjustedRoot(occ.root);
  if (fits) {
    return { instrument: option(printOcc({ ...occ, strike })), quantity: holding.quantity.times(ratio) };
  }
  const shares = sharesOf(holding.instrument, context.contracts)
    .times(action.newShares)
    .dividedBy(action.oldShares, 6);
  const others = context.contracts.get(holding.instrument.symbol)?.others ?? [];
  const after = adjusted(holding.instrument, occ.root, { underlying: action.to!, shares, others });
  context.adjusted(after.contract);
  return { instrument: after.instrument, quantity: holding.quantity };
}

/** The contract under a root that ends in the next digit. */
function adjusted(
  before: Instrument,
  root: string,
  delivers: Omit<AdjustedContract, 'symbol'>,
): { instrument: Instrument; contract: AdjustedContract } {
  const occ = parseOcc(before.symbol)!;
  const digit = /\d$/.exec(root) === null ? 1 : Number.parseInt(root.slice(-1), 10) + 1;
  const symbol = printOcc({ ...occ, root: `${root.replace(/\d$/, '').slice(0, 5)}${digit % 10}` });
  const contract = { symbol, ...delivers };
  return { instrument: option(symbol, { underlying: delivers.underlying }), contract };
}

/** The shares that one contract stands for. */
export function sharesOf(instrument: Instrument, contracts: ReadonlyMap<string, AdjustedContract>): Decimal {
  return contracts.get(instrument.symbol)?.shares ?? HUNDRED;
}

export function underlyingOf(
  instrument: Instrument,
  contracts: ReadonlyMap<string, AdjustedContract>,
): string {
  return contracts.get(instrument.symbol)?.underlying ?? instrument.option!.underlying;
}
