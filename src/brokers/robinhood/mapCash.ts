/** Dividends, interest, stock lending and fees -> activities. Pure. */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { firstProblem } from '../wireWords.ts';
import { type Directory, stockOf } from './directory.ts';
import {
  activityOf,
  atOrOn,
  directed,
  HOME,
  idInUrl,
  notUnderstood,
  NOTHING,
  onDay,
  quoted,
  standing,
  type Understood,
  understood,
} from './mapped.ts';
import {
  wireAdrFee,
  type WireDividend,
  wireDividend,
  wireMarginInterest,
  wireStockLoanPayment,
  wireSubscriptionFee,
  wireSweep,
} from './wireCash.ts';

const PAID: ReadonlySet<string> = new Set(['paid', 'reinvested']);
const POSTED: ReadonlySet<string> = new Set(['posted', 'paid', 'completed']);

const NO_INSTRUMENT = 'Robinhood does not say what this instrument is';

/**
 * A dividend. The cash moves when it is paid, also where it is reinvested: the purchase is an order of its own. Tax and
 * fee withheld are rows of their own, where gross, net and what lies between add up; else the row is not understood, because
 * nobody says whether `amount` is before or after them.
 */
export function mapDividend(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireDividend.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const status = standing(wire.state, PAID);
  if (status === null) return notUnderstood(`${path}.state`, `unknown state ${quoted(wire.state)}`);
  if (status === 'open') return NOTHING;
  const date = wire.payable_date;
  if (wire.paid_at === null && date === null) return notUnderstood(`${path}.paid_at`, 'the field is missing');
  const instrument = stockOf(directory, idInUrl(wire.instrument, 'instruments'));
  if (instrument === null) return notUnderstood(`${path}.instrument`, NO_INSTRUMENT);
  const parts = dividendParts(wire);
  if (parts === null)
    return notUnderstood(
      `${path}.amount`,
      'gross and net of this dividend do not add up to what was withheld',
    );
  const common = {
    ...(wire.paid_at === null ? onDay(date!, 'start') : atOrOn(wire.paid_at, date!)),
    status,
    instrument,
    publishedAt: wire.paid_at,
    groupId: `dividend:${wire.id}`,
    externalId: wire.id,
  };
  return understood(
    activityOf({
      ...common,
      rootId: `dividend:${wire.id}`,
      kind: 'dividend',
      amount: parts.gross,
      // `reinvested` is the same money as `paid`: the word may still change, and is no other content.
      brokerType: 'dividend',
      details: {
        ...(wire.rate === null ? {} : { perShareAmount: wire.rate.toString() }),
        ...(wire.position === null ? {} : { quantityOnWire: wire.position.toString() }),
      },
    }),
    ...withheldRow(wire.id, 'tax_withheld', 'tax', parts.tax, common),
    ...withheldRow(wire.id, 'fee', 'fee', parts.fee, common),
  );
}

interface DividendParts {
  readonly gross: Decimal;
  readonly tax: Decimal;
  readonly fee: Decimal;
}

function dividendParts(wire: WireDividend): DividendParts | null {
  const tax = (wire.withholding ?? Decimal.zero).plus(wire.nra_withholding ?? Decimal.zero);
  const fee = wire.fee ?? Decimal.zero;
  const gross = wire.gross_amount ?? (tax.isZero() && fee.isZero() ? wire.amount : null);
  if (gross === null || !gross.minus(tax).minus(fee).equals(wire.amount)) return null;
  return { gross, tax, fee };
}

function withheldRow(
  id: string,
  kind: 'tax_withheld' | 'fee',
  word: string,
  amount: Decimal,
  common: Omit<Parameters<typeof activityOf>[0], 'rootId' | 'kind' | 'amount' | 'brokerType'>,
): Activity[] {
  if (amount.isZero()) return [];
  const rootId = `dividend:${id}:${word}`;
  return [activityOf({ ...common, rootId, kind, amount: amount.negate(), brokerType: `dividend/${word}` })];
}

/** Interest of the cash sweep, at the end of the day it is paid. */
export function mapSweep(raw: unknown, path: string): Understood {
  const parsed = wireSweep.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const amount = directed(wire.amount.amount, wire.direction);
  if (amount === null)
    return notUnderstood(`${path}.direction`, `unknown direction ${quoted(wire.direction)}`);
  return understood(
    activityOf({
      ...onDay(wire.pay_date, 'end'),
      rootId: `sweep:${wire.id}`,
      kind: 'interest',
      amount,
      currency: wire.amount.currency_code ?? HOME,
      externalId: wire.id,
      brokerType: wire.reason === null ? 'sweep' : `sweep/${wire.reason}`,
    }),
  );
}

/** What lent shares earned: income, and no dividend. */
export function mapStockLoanPayment(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireStockLoanPayment.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const instrument = stockOf(directory, wire.instrument_id);
  if (instrument === null && wire.instrument_id !== null)
    return notUnderstood(`${path}.instrument_id`, NO_INSTRUMENT);
  return understood(
    activityOf({
      rootId: `stock_loan:${wire.id}`,
      kind: 'interest',
      instrument,
      amount: wire.amount.amount,
      currency: wire.amount.currency_code ?? HOME,
      executedAt: wire.created_at,
      publishedAt: wire.created_at,
      externalId: wire.id,
      brokerType: 'stock_loan',
      description: wire.description,
    }),
  );
}

/** Interest on borrowed money, at the end of the day it is due. */
export function mapMarginInterest(raw: unknown, path: string): Understood {
  const parsed = wireMarginInterest.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  return understood(
    activityOf({
      ...onDay(wire.billing_due_date, 'end'),
      rootId: `margin_interest:${wire.id}`,
      kind: 'interest',
      amount: wire.amount.abs().negate(),
      externalId: wire.id,
      brokerType: 'margin_interest',
    }),
  );
}

/** Robinhood Gold. A credit lowers what is taken; refunds have a form that nobody described, so they are told. */
export function mapSubscriptionFee(raw: unknown, path: string): Understood {
  const parsed = wireSubscriptionFee.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const status = standing(wire.state, POSTED);
  if (status === null) return notUnderstood(`${path}.state`, `unknown state ${quoted(wire.state)}`);
  if (status === 'open') return NOTHING;
  const row = activityOf({
    ...onDay(wire.date, 'end'),
    rootId: `subscription_fee:${wire.id}`,
    kind: 'fee',
    status,
    amount: wire.amount.minus(wire.credit ?? Decimal.zero).negate(),
    publishedAt: wire.created_at,
    externalId: wire.id,
    brokerType: 'subscription_fee',
  });
  const problems =
    (wire.refunds ?? []).length === 0
      ? []
      : [{ path: `${path}.refunds`, reason: 'a refund of a fee is not understood' }];
  return { rows: [row], problems };
}

/** What a bank takes for keeping foreign shares. */
export function mapAdrFee(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireAdrFee.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const status = standing(wire.state, PAID);
  if (status === null) return notUnderstood(`${path}.state`, `unknown state ${quoted(wire.state)}`);
  if (status === 'open') return NOTHING;
  if (wire.paid_at === null) return notUnderstood(`${path}.paid_at`, 'the field is missing');
  const instrument = stockOf(directory, idInUrl(wire.instrument, 'instruments'));
  if (instrument === null && wire.instrument !== null)
    return notUnderstood(`${path}.instrument`, NO_INSTRUMENT);
  return understood(
    activityOf({
      rootId: `adr_fee:${wire.id}`,
      kind: 'fee',
      status,
      instrument,
      amount: wire.amount.amount.abs().negate(),
      currency: wire.amount.currency_code ?? HOME,
      executedAt: wire.paid_at,
      publishedAt: wire.paid_at,
      externalId: wire.id,
      brokerType: 'adr_fee',
    }),
  );
}
