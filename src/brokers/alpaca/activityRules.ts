/**
 * Every activity type of Alpaca and what it does to positions and cash: one row per type.
 *
 * Sources: alpaca.md 5.2 (published schema of 2026-08 and later changelog entries), 5.4 (splits) and 5.5 (options).
 * Old names (SC, SSO, SSP, OPXRC) are accepted because old accounts still list them.
 */
import { type ActivityKind } from '../../domain/activity.ts';

/**
 * What `qty` means: `none` = nothing or a number for information (shares that earned a dividend); `signed` = it moves
 * the position by the wire's sign, where there is one; `required` = as `signed`, and a row without it is not
 * understood; `add`/`take` = as `required`, but the type itself says the direction, so the sign on the wire does not
 * matter; `coins` = takes coins where it names some; `unclear` = no source says what it does: a row that has one goes
 * to quarantine.
 */
export type QuantityRule = 'none' | 'signed' | 'required' | 'add' | 'take' | 'coins' | 'unclear';

/**
 * `cash` = `net_amount` must be there; `securities` = the type moves no cash, an absent `net_amount` is zero by its
 * definition.
 */
export type AmountRule = 'cash' | 'securities';

/**
 * When a row that has only a date took effect. `dayEnd` = 23:59:59 New York of that date;
 * `createdElseStart`/`createdElseEnd` = `created_at` when it lies on that New York date, else start / end of it.
 * `beforeOpen` = start of the date, but `created_at` where the row was made on that date after the market had opened:
 * Alpaca works corporate actions off before its day begins, and one that came later found the day's first trades done.
 * Option events take effect after the last trade of their date; fees, interest and other costs of a day after what
 * caused them; money and shares that arrive before what they pay for.
 */
export type TimeRule = 'beforeOpen' | 'dayEnd' | 'createdElseStart' | 'createdElseEnd';

export interface ActivityRule {
  readonly kind: ActivityKind;
  readonly quantity: QuantityRule;
  readonly amount: AmountRule;
  readonly time: TimeRule;
}

export const ACTIVITY_RULES: Readonly<Record<string, ActivityRule>> = {
  // corporate actions on shares (5.2, 5.4): REMOVE and ADD rows carry signed quantities
  SPLIT: rule('split', 'required', 'securities', 'beforeOpen'),
  SSP: rule('split', 'required', 'securities', 'beforeOpen'),
  NC: rule('rename', 'required', 'securities', 'beforeOpen'),
  SC: rule('rename', 'required', 'securities', 'beforeOpen'),
  SPIN: rule('spinoff', 'required', 'securities', 'beforeOpen'),
  SSO: rule('spinoff', 'required', 'securities', 'beforeOpen'),
  MA: rule('merger', 'signed', 'cash', 'beforeOpen'),
  REO: rule('reorganization', 'signed', 'cash', 'beforeOpen'),
  REORG: rule('reorganization', 'required', 'securities', 'beforeOpen'),
  VOF: rule('reorganization', 'unclear', 'cash', 'beforeOpen'),
  OPCA: rule('option_corporate_action', 'signed', 'cash', 'beforeOpen'),
  // option events (5.5): the type says the direction of assignment (closes a short) and exercise (closes a long);
  // an expiry closes either, so the wire's sign decides
  OPASN: rule('option_assignment', 'add', 'securities', 'dayEnd'),
  OPEXC: rule('option_exercise', 'take', 'securities', 'dayEnd'),
  OPXRC: rule('option_exercise', 'take', 'securities', 'dayEnd'),
  OPEXP: rule('option_expiry', 'required', 'securities', 'dayEnd'),
  OPTRD: rule('option_delivery', 'required', 'cash', 'dayEnd'),
  OPCSH: rule('option_delivery', 'none', 'cash', 'dayEnd'),
  // transfers of shares and coins
  ACATS: rule('security_transfer', 'required', 'securities', 'createdElseStart'),
  JNLS: rule('security_transfer', 'required', 'securities', 'createdElseStart'),
  FOPT: rule('security_transfer', 'required', 'securities', 'createdElseStart'),
  OCT: rule('security_transfer', 'required', 'securities', 'createdElseStart'),
  // money in and out
  CSD: rule('deposit', 'none', 'cash', 'createdElseStart'),
  CSW: rule('withdrawal', 'none', 'cash', 'createdElseStart'),
  JNLC: rule('cash_transfer', 'none', 'cash', 'createdElseStart'),
  JNL: rule('cash_transfer', 'unclear', 'cash', 'createdElseStart'),
  ACATC: rule('cash_transfer', 'none', 'cash', 'createdElseStart'),
  MEM: rule('cash_transfer', 'unclear', 'cash', 'createdElseStart'),
  SWP: rule('cash_transfer', 'unclear', 'cash', 'createdElseStart'),
  // income: `qty` is the number of entitled shares, for information (SDIV adds shares: see `ruleOf`)
  DIV: rule('dividend', 'none', 'cash', 'createdElseStart'),
  DIVTXEX: rule('dividend', 'none', 'cash', 'createdElseStart'),
  DIVCGL: rule('capital_gain_distribution', 'none', 'cash', 'createdElseStart'),
  DIVCGS: rule('capital_gain_distribution', 'none', 'cash', 'createdElseStart'),
  CGD: rule('capital_gain_distribution', 'none', 'cash', 'createdElseStart'),
  DIVROC: rule('return_of_capital', 'none', 'cash', 'createdElseStart'),
  CIL: rule('cash_in_lieu', 'none', 'cash', 'createdElseStart'),
  INT: rule('interest', 'none', 'cash', 'dayEnd'),
  PTR: rule('rebate', 'none', 'cash', 'dayEnd'),
  // costs
  FEE: rule('fee', 'none', 'cash', 'dayEnd'),
  DIVFEE: rule('fee', 'none', 'cash', 'createdElseEnd'),
  PTC: rule('fee', 'none', 'cash', 'dayEnd'),
  // a fee in coins always takes coins, whatever sign the wire shows
  CFEE: rule('crypto_fee', 'coins', 'securities', 'dayEnd'),
  DIVFT: rule('tax_withheld', 'none', 'cash', 'createdElseEnd'),
  DIVNRA: rule('tax_withheld', 'none', 'cash', 'createdElseEnd'),
  DIVTW: rule('tax_withheld', 'none', 'cash', 'createdElseEnd'),
  DIVWH: rule('tax_withheld', 'none', 'cash', 'createdElseEnd'),
  INTNRA: rule('tax_withheld', 'none', 'cash', 'dayEnd'),
  INTTW: rule('tax_withheld', 'none', 'cash', 'dayEnd'),
  WH: rule('tax_withheld', 'none', 'cash', 'createdElseEnd'),
  // listed by the published schema without a word on their effect: money counts, quantities are never guessed
  EXTRD: rule('other', 'unclear', 'cash', 'createdElseEnd'),
  FXTRD: rule('other', 'unclear', 'cash', 'createdElseEnd'),
  INTPNL: rule('other', 'unclear', 'cash', 'createdElseEnd'),
};

/** Sub types that change what the row of their type does. */
const SUB_TYPE_RULES: Readonly<Record<string, ActivityRule>> = {
  'DIV/SDIV': rule('stock_dividend', 'add', 'securities', 'beforeOpen'),
  'DIV/ROC': rule('return_of_capital', 'none', 'cash', 'createdElseStart'),
};

/** For a type no row knows: its money counts where it is money alone. */
export const UNKNOWN_RULE = rule('other', 'unclear', 'cash', 'createdElseEnd');

/** The rule of a type and its sub type, null when nobody told us about the type. */
export function ruleOf(type: string, subType: string | null): ActivityRule | null {
  const special = subType === null ? undefined : SUB_TYPE_RULES[`${type}/${subType}`];
  return special ?? (Object.hasOwn(ACTIVITY_RULES, type) ? ACTIVITY_RULES[type]! : null);
}

function rule(kind: ActivityKind, quantity: QuantityRule, amount: AmountRule, time: TimeRule): ActivityRule {
  return { kind, quantity, amount, time };
}
