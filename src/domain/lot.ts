/**
 * Tax lots: what was acquired at one moment, what of it is still held, and what each close of a part of it gave.
 *
 * Three layers of a close are never mixed (pnl rules, section 0): *economic* - cash truth, `cost`, `proceeds`,
 * `realized`; *tax* - the premium of an exercised or assigned option moves into the stock leg, `rolled`; *wash* - losses
 * put off, in `WashAdjustment`s of their own. A lot keeps total cost, never a unit cost, so that pieces add up exactly.
 */
import { type Decimal } from './decimal.ts';
import { type InstrumentId } from './instrument.ts';
import { type Currency } from './money.ts';
import { type Instant, type TradeDate } from './time.ts';

/** Names a lot within an account and epoch; survives splits, renamings and mergers. */
export type LotId = string;

export type LotDirection = 'long' | 'short';

/**
 * Where a lot's cost comes from: `fill` - the money of the activity that opened it; `broker` - the broker's own average
 * (an opening, a transfer with basis); `user` - a person stated it (`truebook basis`); `estimated` - known once, but an
 * event followed of which nobody says how it divided the cost; `unknown` - nobody said: the cost is null, never zero.
 */
export type CostSource = 'fill' | 'broker' | 'user' | 'estimated' | 'unknown';

export interface Lot {
  readonly id: LotId;
  /** Under its current identity. */
  readonly instrument: InstrumentId;
  /** Root id of the activity that opened the episode the lot belongs to. */
  readonly openedRootId: string;
  /** Root id of the activity that brought the lot. */
  readonly activityRootId: string;
  readonly direction: LotDirection;
  /** When it entered this account's book; later than `acquiredAt` for a transfer with its own date. */
  readonly openedAt: Instant;
  /** When it was acquired economically: the order of FIFO. */
  readonly acquiredAt: Instant;
  readonly acquiredDate: TradeDate;
  /** The holding period counts from the day after this one (carried over splits, renamings, spin-offs, mergers). */
  readonly holdingFrom: TradeDate;
  /** Units acquired, positive, in today's units (after splits and coin fees). */
  readonly quantity: Decimal;
  /** Units still held, positive or zero. */
  readonly openQuantity: Decimal;
  /** Total paid (long) or received (short) for `quantity`, fees by the fee election; null where the basis is unknown. */
  readonly cost: Decimal | null;
  /** The part of `cost` that `openQuantity` carries. Zero when it is empty. */
  readonly openCost: Decimal | null;
  /**
   * Premium of the option that brought it, still in the open part, signed as cost: tax cost = `openCost + rolled` for
   * a long lot, tax proceeds = `openCost - rolled` for a short one. Its closures carry it back with the other sign.
   */
  readonly rolled: Decimal;
  readonly costSource: CostSource;
  readonly currency: Currency;
  /** `openCost` in the account's base currency at the rates of the days it was paid; null where a rate is not known. */
  readonly openCostBase: Decimal | null;
  /**
   * Opening fees of the open part: inside `openCost`, beside it where the election is `excluded`. Absent where the row
   * was kept by something that does not know them.
   */
  readonly openFees?: Decimal;
  /** Root id of the last event after which nobody can say what it costs; absent where there was none, or as `openFees`. */
  readonly doubtedBy?: string;
}

/**
 * What closed (a part of) a lot. `sale`, `cover`, `expiry`, `assignment`, `exercise`, `cash_in_lieu`, `merger` and
 * `return_of_capital` realize; so do `fee` (an opening's fee where fees are expensed), a `coin_fee` that empties its
 * lot, and an `adjustment` with a price. `transfer_out` carries its cost away and realizes zero.
 */
export type ClosureKind =
  | 'sale'
  | 'cover'
  | 'expiry'
  | 'assignment'
  | 'exercise'
  | 'cash_in_lieu'
  | 'merger'
  | 'return_of_capital'
  | 'fee'
  | 'coin_fee'
  | 'transfer_out'
  | 'adjustment';

/** `exact`: every figure comes from fills or a person; `estimated`: rests on a broker's average or a mark; `unknown`: null. */
export type RealizedBasis = 'exact' | 'estimated' | 'unknown';

export type HoldingTerm = 'short' | 'long';

export interface LotClosure {
  /** Unique within account and epoch, the same after every rebuild. A row of a later fold with this id replaces it. */
  readonly id: string;
  /** `unknown:<root id>` where no lot is known that these units could come from. */
  readonly lotId: LotId;
  /** Identity of the instrument when it was closed. */
  readonly instrument: InstrumentId;
  readonly openedRootId: string;
  readonly activityRootId: string;
  readonly kind: ClosureKind;
  readonly direction: LotDirection;
  readonly acquiredDate: TradeDate;
  readonly closedAt: Instant;
  readonly closedDate: TradeDate;
  /** Positive. Zero where money came without units: a return of capital, a fee, the cash of a merger or settlement. */
  readonly quantity: Decimal;
  /** Cost of these units (long) or what it cost to buy them back (short), fees by the fee election. */
  readonly cost: Decimal | null;
  /** What came in: of the sale (long), or when the short was opened. */
  readonly proceeds: Decimal | null;
  /** Fees of these units, positive = paid: inside cost and proceeds, beside them where the election is `excluded`. */
  readonly fees: Decimal;
  /** Economic: `proceeds - cost`; null where either is unknown. */
  readonly realized: Decimal | null;
  /**
   * What the tax layer adds: an assigned option's premium leaves its own close (-) and joins the stock's (+). Of a
   * `transfer_out` what was carried along with the cost: nothing of it is realized.
   */
  readonly rolled: Decimal;
  /**
   * The part of `rolled` that stands in proceeds, the rest stands in cost: tax proceeds = `proceeds + rolledProceeds`,
   * tax cost = `cost - (rolled - rolledProceeds)` (IRS Pub. 550, "Puts and Calls"). The option that closed a lot puts its
   * premium on the side of the close: into what a long lot was sold for (call assigned, put exercised), into what it cost
   * to cover a short one. The option that opened a lot put it on the side of the opening: into the cost of a long lot (put
   * assigned, call exercised), into what a short one brought, which is its proceeds. Absent where the row was kept by
   * something that does not tell them apart: then it is unknown, also where `rolled` is zero.
   */
  readonly rolledProceeds?: Decimal;
  readonly realizedBasis: RealizedBasis;
  /** Null where nothing is realized or the acquisition is unknown. */
  readonly term: HoldingTerm | null;
  readonly holdingDays: number | null;
  readonly currency: Currency;
  /** `realized` at the rate of the close (the convention of IBKR). */
  readonly realizedBaseCloseRate: Decimal | null;
  /** Proceeds at the close's rate less cost at the rates of the opening days. */
  readonly realizedBaseHistorical: Decimal | null;
}

/** A loss put off to a replacement lot (26 CFR 1.1091-1, -2). Never part of a lot's cost or of economic profit. */
export interface WashAdjustment {
  /** Unique within the account that realized the loss. */
  readonly id: string;
  readonly scope: 'account' | 'taxpayer';
  readonly closureId: string;
  /** Account that acquired the replacement; the same as the loss's in scope `account`. */
  readonly replacementAccountId: number | null;
  readonly replacementLotId: LotId | null;
  /** Units of the close that are washed by this replacement. */
  readonly quantity: Decimal;
  /** Positive: the part of the loss that is put off. */
  readonly disallowed: Decimal;
  /** Positive: what no replacement's basis takes over (replacement in an IRA, Rev. Rul. 2008-5). */
  readonly permanentlyLost: Decimal;
  /** First day the replacement's holding period counts from with the loss lot's days tacked on. */
  readonly holdingFrom: TradeDate;
  readonly currency: Currency;
}
