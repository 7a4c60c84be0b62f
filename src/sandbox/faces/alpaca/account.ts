/** `GET /v2/account` and its configurations. Margin: half of stocks, all of options and coins (brokers/alpaca.md 10). */
import { previousTradingDay } from '../../../domain/calendar.ts';
import { Decimal, decimal } from '../../../domain/decimal.ts';
import { NEW_YORK, newYorkDate, zonedInstant, type Instant, type TradeDate } from '../../../domain/time.ts';
import { type Holding } from '../../fold.ts';
import { standingAt, type View } from '../../view.ts';
import { text } from './wire.ts';

const HALF = decimal('0.5');
const MAINTENANCE = decimal('0.3');
const TWO = decimal('2');

export interface Totals {
  readonly cash: Decimal;
  readonly longValue: Decimal;
  readonly shortValue: Decimal;
  readonly equity: Decimal;
  readonly initialMargin: Decimal;
  readonly maintenanceMargin: Decimal;
  readonly buyingPower: Decimal;
}

/** Value of one holding at a price, signed as its quantity. */
export function valueOf(holding: Holding, price: Decimal): Decimal {
  return holding.quantity.times(price).times(holding.instrument.multiplier);
}

/** What the account is worth right now, to the cent. */
export function totalsOf(view: View): Totals {
  return totals(view.standing.cash, view.standing.holdings.values(), (holding) =>
    view.market.price(holding.instrument, view.now),
  );
}

/** What the account was worth at the end of a day. */
export function totalsOn(view: View, date: TradeDate, at: Instant): Totals {
  const standing = standingAt(view, at);
  return totals(standing.cash, standing.holdings.values(), (holding) =>
    view.market.closeOn(holding.instrument, date),
  );
}

function totals(cash: Decimal, holdings: Iterable<Holding>, priceOf: (holding: Holding) => Decimal): Totals {
  let longValue = Decimal.zero;
  let shortValue = Decimal.zero;
  let stocks = Decimal.zero;
  let others = Decimal.zero;
  for (const holding of holdings) {
    const value = valueOf(holding, priceOf(holding));
    if (value.sign() < 0) shortValue = shortValue.plus(value);
    else longValue = longValue.plus(value);
    if (holding.instrument.kind === 'equity') stocks = stocks.plus(value.abs());
    else others = others.plus(value);
  }
  const equity = cash.plus(longValue).plus(shortValue);
  const initialMargin = stocks.times(HALF).plus(others);
  const free = equity.minus(initialMargin);
  return {
    cash,
    longValue,
    shortValue,
    equity,
    initialMargin,
    maintenanceMargin: stocks.times(MAINTENANCE).plus(others),
    buyingPower: free.sign() < 0 ? Decimal.zero : free.times(TWO),
  };
}

/** Shown money has cents; what is held may have more digits (fractions of coins). */
function cents(value: Decimal): string {
  return value.round(4).toString();
}

export function accountAnswer(view: View): Record<string, unknown> {
  const { account } = view;
  const now = totalsOf(view);
  const lastDay = previousTradingDay(newYorkDate(view.now));
  const last = totalsOn(view, lastDay, zonedInstant(lastDay, '16:00', NEW_YORK));
  const free = now.equity.minus(now.initialMargin);
  const buyingPower = cents(now.buyingPower);
  return {
    id: account.id,
    admin_configurations: {},
    user_configurations: null,
    account_number: account.number,
    status: 'ACTIVE',
    crypto_status: 'ACTIVE',
    options_approved_level: 3,
    options_trading_level: 3,
    currency: 'USD',
    buying_power: buyingPower,
    regt_buying_power: buyingPower,
    effective_buying_power: buyingPower,
    non_marginable_buying_power: text(now.cash.sign() < 0 ? Decimal.zero : now.cash),
    options_buying_power: cents(free.sign() < 0 ? Decimal.zero : free),
    cash: text(now.cash),
    accrued_fees: '0',
    pending_transfer_in: '0',
    portfolio_value: cents(now.equity),
    trading_blocked: false,
    transfers_blocked: false,
    account_blocked: false,
    created_at: account.createdAt,
    trade_suspended_by_user: false,
    multiplier: '2',
    shorting_enabled: true,
    equity: cents(now.equity),
    last_equity: cents(last.equity),
    long_market_value: cents(now.longValue),
    short_market_value: cents(now.shortValue),
    position_market_value: cents(now.longValue.plus(now.shortValue)),
    initial_margin: cents(now.initialMargin),
    maintenance_margin: cents(now.maintenanceMargin),
    last_maintenance_margin: cents(last.maintenanceMargin),
    sma: '0',
    balance_asof: lastDay,
    crypto_tier: 1,
    intraday_adjustments: '0',
    pending_reg_taf_fees: '0',
  };
}

export function configurationsAnswer(): Record<string, unknown> {
  return {
    fractional_trading: true,
    max_margin_multiplier: '2',
    no_shorting: false,
    suspend_trade: false,
    trade_confirm_email: 'all',
    ptp_no_exception_entry: false,
    max_options_trading_level: 3,
    disable_overnight_trading: false,
  };
}
