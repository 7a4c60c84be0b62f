/**
 * The names other programs of the user know (`positions`, `trade_history`, `trading_accounts`,
 * `daily_portfolio_balances`), as plain views over our tables.
 *
 * They keep the old types so that old queries keep their meaning: numbers are numbers (SQLite: approximate, as the
 * old Float columns were; the exact text stands in the tables), points in time are `YYYY-MM-DD HH:MM:SS.ffffff` in
 * UTC without a zone. `quantity < 0` over decimal text would be wrong silently on SQLite.
 */
import { type DialectName } from './definition.ts';

export const OLD_NAMES = [
  'positions',
  'trade_history',
  'trading_accounts',
  'daily_portfolio_balances',
] as const;

export interface OldNameView {
  readonly name: (typeof OLD_NAMES)[number];
  readonly query: string;
}

/** The views' queries; `schema` is put before our table names (`truebook.` where a view lives in another schema). */
export function oldNameViews(dialect: DialectName, schema = ''): readonly OldNameView[] {
  const number = (expression: string): string =>
    dialect === 'sqlite' ? `CAST(${expression} AS NUMERIC)` : expression;
  const moment = (column: string): string =>
    dialect === 'sqlite'
      ? `substr(${column}, 1, 10) || ' ' || substr(${column}, 12, 15)`
      : `CAST(substr(${column}, 1, 26) AS timestamp)`;
  const day = (column: string): string => (dialect === 'sqlite' ? column : `CAST(${column} AS date)`);
  const rounded = (expression: string): string =>
    dialect === 'sqlite' ? `round(${expression}, 10)` : `trim_scale(round(${expression}, 10))`;

  const cost = `${number('p.average_cost')} * ${number('p.quantity')} * ${number('i.multiplier')}`;
  const value = `${number('m.mark')} * ${number('p.quantity')} * ${number('i.multiplier')}`;
  // NULLIF: a position that cost nothing has no percentage. abs: a short's cost is negative, its loss is still a loss.
  const share = `(${value} - ${cost}) * 100.0 / nullif(abs(${cost}), 0)`;
  // Fees are inside cost and proceeds: what a unit really cost and brought. NULLIF: who closes nothing has no price.
  const perUnit = (total: string): string =>
    rounded(`${number(total)} * 1.0 / nullif(${number('c.quantity')} * ${number('i.multiplier')}, 0)`);

  return [
    {
      name: 'positions',
      query: `SELECT
  p.number AS id,
  p.account_id,
  i.symbol,
  ${number('p.quantity')} AS quantity,
  ${number('p.average_cost')} AS average_price,
  ${number('m.mark')} AS current_price,
  CASE WHEN p.state <> 'closed' THEN ${rounded(`${value} - ${cost}`)} END AS unrealized_pnl,
  CASE WHEN p.state <> 'closed' THEN ${rounded(share)} END AS unrealized_pnl_pct,
  CASE WHEN p.state = 'closed' THEN 'CLOSED' ELSE 'OPEN' END AS status,
  ${moment('p.opened_at')} AS opened_at,
  ${moment('p.closed_at')} AS closed_at,
  ${moment('f.fetched_at')} AS last_synced_at,
  ${number('p.realized_pnl')} AS realized_pnl,
  nullif(p.opened_root_id, '') AS entry_trade_id,
  p.closed_root_id AS exit_trade_id
FROM ${schema}position p
JOIN ${schema}instrument i ON i.id = p.instrument
LEFT JOIN ${schema}mark m ON m.account_id = p.account_id AND m.instrument = p.instrument
LEFT JOIN ${schema}freshness f ON f.account_id = p.account_id AND f.data_class = 'positions'`,
    },
    {
      name: 'trade_history',
      query: `SELECT
  c.number AS id,
  c.account_id,
  i.symbol,
  CASE WHEN c.direction = 'short' THEN 'SHORT' ELSE 'LONG' END AS direction,
  ${number('c.quantity')} AS quantity,
  ${perUnit("CASE WHEN c.direction = 'short' THEN c.proceeds ELSE c.cost END")} AS entry_price,
  ${perUnit("CASE WHEN c.direction = 'short' THEN c.cost ELSE c.proceeds END")} AS exit_price,
  ${moment('l.acquired_at')} AS opened_at,
  ${moment('c.closed_at')} AS closed_at,
  ${number('c.realized')} AS realized_pnl,
  c.realized_basis,
  l.activity_root_id AS entry_trade_id,
  c.activity_root_id AS exit_trade_id,
  c.kind AS close_reason,
  a.broker AS source
FROM ${schema}lot_closure c
JOIN ${schema}instrument i ON i.id = c.instrument
JOIN ${schema}account a ON a.id = c.account_id
LEFT JOIN ${schema}lot l ON l.account_id = c.account_id AND l.epoch = c.epoch AND l.lot_id = c.lot_id
WHERE c.kind NOT IN ('return_of_capital', 'coin_fee', 'transfer_out')`,
    },
    {
      name: 'trading_accounts',
      query: `SELECT
  a.id,
  a.name AS account_name,
  a.broker,
  a.env AS environment,
  a.pinned_last4 AS account_last4,
  a.base_currency AS currency,
  ${number('b.equity')} AS portfolio_value,
  ${number('b.cash')} AS cash,
  ${number('b.buying_power')} AS buying_power,
  ${moment('f.fetched_at')} AS last_synced_at,
  ${moment('a.created_at')} AS created_at
FROM ${schema}account a
LEFT JOIN ${schema}bankroll b ON b.account_id = a.id AND b.currency = a.base_currency
LEFT JOIN ${schema}freshness f ON f.account_id = a.id AND f.data_class = 'balances'`,
    },
    {
      name: 'daily_portfolio_balances',
      query: `SELECT
  d.account_id,
  a.name AS account_name,
  ${day('d.trade_date')} AS date,
  d.currency,
  ${number('d.end_equity')} AS ending_balance,
  ${number('d.end_cash')} AS cash,
  ${number('d.buying_power')} AS buying_power,
  ${number('d.realized')} AS realized_pnl,
  ${number('d.flows')} AS deposits_withdrawals,
  ${number('d.profit_loss')} AS profit_loss,
  d.source
FROM ${schema}balance_day d
JOIN ${schema}account a ON a.id = d.account_id AND a.epoch = d.epoch`,
    },
  ];
}
