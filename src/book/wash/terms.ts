/** What goes into the wash layer and what comes out of it: plain rows, so that any source of lots can be asked. */
import { type Decimal } from '../../domain/decimal.ts';
import { type LotDirection, type LotId, type WashAdjustment } from '../../domain/lot.ts';
import { type Currency } from '../../domain/money.ts';
import { type Instant, type TradeDate } from '../../domain/time.ts';

export type AccountId = number | null;

/** `ira`: any account whose losses are not taxed (traditional, Roth, SEP). */
export type TaxAccountType = 'taxable' | 'ira';

/** A lot: what was acquired at one moment. Quantities are positive, also of shorts. */
export interface WashAcquisition {
  readonly accountId: AccountId;
  /** Default `taxable`. */
  readonly accountType?: TaxAccountType;
  readonly lotId: LotId;
  /** Default `long`. Shorts are washed by shorts only (section 1091(e)(2)). */
  readonly direction?: LotDirection;
  /** What the law calls the same security: two lots replace each other only under one key. */
  readonly securityKey: string;
  /** Of an option to acquire: the key of its stock. Default null. */
  readonly optionOn?: string | null;
  /**
   * What a unit held today counts for when shares are matched: 100 for a standard contract where a share counts 1; in
   * a security that was split, a unit of before counts more. Default 1. Whole numbers keep the matching exact.
   */
  readonly unitWeight?: Decimal;
  /** The order that bought it: lots of one order never replace each other. Default null = an order of its own. */
  readonly orderId?: string | null;
  readonly acquiredDate: TradeDate;
  readonly acquiredAt: Instant;
  /** Order of the book among lots of the same instant. */
  readonly seq: number;
  /** Place on a form: decides before `seq` among shares acquired and sold at the same moments. Default ''. */
  readonly formPosition?: string;
  /** Units still held; those of the close rows come on top. */
  readonly openQuantity: Decimal;
  /** Tax cost of the units still held, zero for a short; null where it is unknown. */
  readonly openCost: Decimal | null;
  /** Of a short: what the units still held brought in. Default null. */
  readonly openProceeds?: Decimal | null;
  /** The holding period counts from the day after this one. */
  readonly holdingFrom: TradeDate;
  /**
   * False for what was not bought (a transfer, a spin-off, a split): it is no replacement (26 CFR 1.1091-1(f)).
   * `unknown` for an opening: nobody said when it was bought. Default true.
   */
  readonly purchased?: boolean | 'unknown';
  /** Its shares already put off another loss before these rows begin. Default false. */
  readonly alreadyUsed?: boolean;
  readonly currency: Currency;
}

/**
 * What ended the units: `taxed` - a sale or whatever counts as one; `carried` - they went on elsewhere with their cost
 * (a transfer, an exercise); `gone` - they vanished without a sale (a coin fee, a correction).
 */
export type WashDisposal = 'taxed' | 'carried' | 'gone';

/** A close of (a part of) a lot, gains too: a replacement that was sold must be known to be sold. */
export interface WashClose {
  readonly accountId: AccountId;
  /** Default: that of its lot. */
  readonly accountType?: TaxAccountType;
  /** Unique within the account. */
  readonly closureId: string;
  readonly lotId: LotId;
  /** Default `taxed`. */
  readonly disposal?: WashDisposal;
  readonly closedDate: TradeDate;
  readonly closedAt: Instant;
  /**
   * The sale it is a part of, unique within the account: what is sold together replaces nothing of that sale. Default
   * null = a sale of its own.
   */
  readonly saleId?: string | null;
  readonly quantity: Decimal;
  /** What a unit counted for at that time. Default: as the lot's units today. */
  readonly unitWeight?: Decimal;
  /**
   * Lot of the same account that carries on what was put off into these units: the stock an exercised call brought. It
   * has a holding period of its own.
   */
  readonly carriedInto?: LotId | null;
  /** Tax layer, before anything is washed; null where it is unknown. The loss is `cost - proceeds`. */
  readonly cost: Decimal | null;
  readonly proceeds: Decimal | null;
  /** False where nobody knows when the units were acquired: then nothing is tacked. Default true. */
  readonly acquisitionKnown?: boolean;
}

/** The choices the law leaves open or brokers make differently. Each is shown with the figures it made. */
export interface WashPolicy {
  /** `account`: as a broker reports (1099-B); `taxpayer`: over all accounts handed in, as the return wants it. */
  readonly scope: 'account' | 'taxpayer';
  /** `option_on_stock`: buying a call also replaces its stock (Pub. 550), one contract = its shares. A put never. */
  readonly identical: 'same_contract' | 'option_on_stock';
  /** Whether shares that were sold before the loss can still replace it. */
  readonly replacementSoldBefore: 'not_eligible' | 'eligible';
  /**
   * Losses of one moment: `in_turn` - in order of acquisition, and one that was dealt with replaces nothing;
   * `as_group` - what found no replacement itself may still replace another loss of that moment.
   */
  readonly sameMoment: 'in_turn' | 'as_group';
  /** Whether shares of an order whose loss is inside a lot by earlier wash sales may replace that lot. */
  readonly ancestors: 'eligible' | 'not_eligible';
  /** `exact`: 18 digits, the rest takes the remainder; `cent_each_piece`: both parts to a cent, half away from zero. */
  readonly splitRounding: 'exact' | 'cent_each_piece';
  /**
   * Where what is left of a cut piece stands among shares acquired and sold at the same moments: at once behind the
   * part that was cut off, or behind all of them.
   */
  readonly restOfCut: 'in_place' | 'last';
  /** Section 1091 speaks of stock and securities; coins are neither today. */
  readonly crypto: 'off' | 'on';
}

/**
 * Units of one lot that were treated alike: sold by the same close, replaced or washed together. All pieces of a lot
 * add up to the lot; those with code W are the lines of Form 8949 with an adjustment.
 */
export interface WashPiece {
  readonly accountId: AccountId;
  readonly lotId: LotId;
  /** Null while the units are held. */
  readonly closureId: string | null;
  readonly quantity: Decimal;
  /** The holding period counts from the day after this one, with the days of washed lots tacked on. */
  readonly holdingFrom: TradeDate;
  /** Tax cost with `washIn`; null where it is unknown. */
  readonly adjustedBasis: Decimal | null;
  readonly washIn: Decimal;
  readonly closedDate: TradeDate | null;
  readonly proceeds: Decimal | null;
  readonly code: 'W' | '';
  /** Positive or zero: the loss of these units that does not count now (Form 8949 column g). */
  readonly disallowed: Decimal;
  /** The part of `disallowed` that no basis takes over. */
  readonly permanentlyLost: Decimal;
  readonly isReplacement: boolean;
}

/** `WashAdjustment` with what names its ends when several accounts are in play. */
export interface WashDeferral extends WashAdjustment {
  /** Account that realized the loss. */
  readonly accountId: AccountId;
  readonly lotId: LotId;
}

/** What the wash layer adds to a lot: tax cost of the open units = `openCost + rolled + openWashIn`; of a short, what it brought less both. */
export interface LotWash {
  /** All that was ever put off into the lot. */
  readonly washIn: Decimal;
  /** The part the units still held carry. */
  readonly openWashIn: Decimal;
  /** Of the units still held, earliest first: more than one where not all of them replaced the same. */
  readonly openHoldingFrom: readonly TradeDate[];
}

/** What the wash layer adds to a close: taxable = `realized + rolled - washIn + washOut`. */
export interface ClosureWash {
  /** Losses put off into the closed units: they raise the cost of this close. Zero where the units were carried on. */
  readonly washIn: Decimal;
  /** Positive: the part of the loss that does not count now. */
  readonly washOut: Decimal;
  /** The part of `washOut` that never counts. */
  readonly permanentlyLost: Decimal;
}

/**
 * - `cost_unknown`: a sale of units whose cost or proceeds nobody stated: no loss can be worked out, none is washed.
 * - `replacement_unknown`: units of unknown purchase date might replace (a part of) this loss.
 * - `holding_unknown`: a replacement's holding period is longer than shown, by days nobody knows.
 * - `carry_unknown`: a loss was put off into units that went on elsewhere (an exercise, a transfer), to a lot that
 *   nobody named: it is in no basis shown here.
 * - `instrument_unknown`: an instrument whose terms are not known took no part.
 */
export type WashDoubt =
  'cost_unknown' | 'replacement_unknown' | 'holding_unknown' | 'carry_unknown' | 'instrument_unknown';

export interface WashUnknown {
  readonly accountId: AccountId;
  readonly lotId: LotId;
  readonly closureId: string | null;
  readonly doubt: WashDoubt;
}

export interface AccountWash {
  /** Only lots with anything put off into them. */
  readonly byLot: ReadonlyMap<LotId, LotWash>;
  /** Only closes with anything washed out of or into them. */
  readonly byClosure: ReadonlyMap<string, ClosureWash>;
}

export interface WashResult {
  /** In the order they were worked out. Sum of `disallowed` = sum of all `washIn` + sum of `permanentlyLost`. */
  readonly adjustments: readonly WashDeferral[];
  /** Every unit of every lot; made when it is first asked for, as few need them all. */
  readonly pieces: readonly WashPiece[];
  /** Made when it is first asked for, as `pieces`. */
  readonly accounts: ReadonlyMap<AccountId, AccountWash>;
  readonly unknown: readonly WashUnknown[];
}
