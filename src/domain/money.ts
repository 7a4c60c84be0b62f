/** Money: an exact amount and the currency it is in. Amounts of different currencies never meet by accident. */
import { type Decimal } from './decimal.ts';
import { TruebookError } from './errors.ts';

/** ISO 4217 code in capitals (`USD`), or a crypto asset's own code where a broker keeps cash in it. */
export type Currency = string;

export interface Money {
  readonly amount: Decimal;
  readonly currency: Currency;
}

export function money(amount: Decimal, currency: Currency): Money {
  return { amount, currency };
}

/** Sum of two amounts of one currency. Throws `internal` when the currencies differ: that is a fault of ours. */
export function addMoney(left: Money, right: Money): Money {
  if (left.currency !== right.currency) {
    throw new TruebookError('internal', `Cannot add ${left.currency} and ${right.currency}.`, {
      hint: 'This is a fault of Truebook: report it with the command that was run.',
    });
  }
  return { amount: left.amount.plus(right.amount), currency: left.currency };
}
