PRAGMA application_id = 1953653355;

PRAGMA user_version = 10;

CREATE INDEX activity_beside_runs ON activity (account_id, seq) WHERE run_id IS NULL;

CREATE INDEX activity_index_1 ON activity (account_id, executed_at);

CREATE INDEX activity_index_2 ON activity (executed_at);

CREATE INDEX activity_index_3 ON activity (account_id, published_at);

CREATE INDEX activity_index_4 ON activity (account_id, order_id);

CREATE INDEX activity_seen ON activity (account_id, epoch, first_seen_at);

CREATE INDEX balance_observation_index_1 ON balance_observation (account_id, currency, as_of);

CREATE INDEX bankroll_entry_index_1 ON bankroll_entry (account_id, epoch, at);

CREATE INDEX book_event_index_1 ON book_event (account_id, epoch, instrument, at);

CREATE INDEX day_observation_index_1 ON day_observation (account_id, epoch, trade_date);

CREATE INDEX delivery_index_1 ON delivery (state, next_attempt_at);

CREATE INDEX election_index_1 ON election (account_id, epoch, kind, object);

CREATE INDEX finding_index_1 ON finding (account_id, state);

CREATE INDEX gate_decision_index_1 ON gate_decision (account_id, id);

CREATE INDEX greeks_observation_index_1 ON greeks_observation (account_id, instrument, observed_at);

CREATE INDEX instrument_alias_index_1 ON instrument_alias (instrument);

CREATE INDEX lot_closure_index_1 ON lot_closure (account_id, epoch, closed_at);

CREATE INDEX lot_closure_index_2 ON lot_closure (account_id, epoch, lot_id);

CREATE INDEX lot_closure_index_3 ON lot_closure (account_id, epoch, instrument);

CREATE INDEX lot_closure_index_4 ON lot_closure (account_id, closed_date);

CREATE INDEX lot_index_1 ON lot (account_id, epoch, instrument);

CREATE INDEX lot_index_2 ON lot (account_id, epoch, opened_at);

CREATE INDEX lot_open ON lot (account_id, epoch) WHERE open_quantity <> '0';

CREATE INDEX payload_index_1 ON payload (sha256);

CREATE INDEX position_index_1 ON position (account_id, state);

CREATE INDEX position_observation_index_1 ON position_observation (account_id, instrument, as_of);

CREATE INDEX position_observation_short ON position_observation (account_id, epoch, instrument) WHERE quantity < '0';

CREATE INDEX sync_request_index_1 ON sync_request (account_id, run_id);

CREATE INDEX sync_run_index_1 ON sync_run (account_id, outcome, id);

CREATE INDEX wash_adjustment_index_1 ON wash_adjustment (account_id, epoch, closure_id);

CREATE INDEX wash_adjustment_index_2 ON wash_adjustment (replacement_account_id, replacement_lot_id);

CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  connection_id INTEGER NOT NULL REFERENCES connection (id),
  broker TEXT NOT NULL,
  env TEXT NOT NULL,
  epoch INTEGER NOT NULL DEFAULT 1,
  pinned_fingerprint TEXT,
  pinned_last4 TEXT,
  base_currency TEXT NOT NULL,
  created_at TEXT NOT NULL
, type TEXT) STRICT;

CREATE TABLE activity (
  account_id INTEGER NOT NULL REFERENCES account (id),
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  root_id TEXT NOT NULL,
  rev INTEGER NOT NULL,
  broker_rev INTEGER,
  kind TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('ok', 'bust')),
  instrument TEXT REFERENCES instrument (id),
  symbol TEXT,
  multiplier TEXT,
  quantity TEXT NOT NULL,
  price TEXT,
  amount TEXT,
  currency TEXT NOT NULL,
  fees TEXT,
  fees_currency TEXT,
  executed_at TEXT NOT NULL,
  time_precision TEXT NOT NULL,
  trade_date TEXT NOT NULL,
  published_at TEXT,
  side TEXT CHECK (side IN ('buy', 'sell')),
  order_id TEXT,
  group_id TEXT,
  external_id TEXT NOT NULL,
  broker_type TEXT NOT NULL,
  description TEXT,
  source TEXT NOT NULL,
  details TEXT NOT NULL,
  first_seen_at TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  run_id INTEGER REFERENCES sync_run (id),
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (account_id, seq),
  UNIQUE (account_id, epoch, root_id, rev)
) STRICT;

CREATE TABLE activity_watch (
  account_id INTEGER NOT NULL REFERENCES account (id),
  root_id TEXT NOT NULL,
  absent_scans INTEGER NOT NULL,
  withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
  pending_content_hash TEXT,
  PRIMARY KEY (account_id, root_id)
) STRICT;

CREATE TABLE announced_order (
  account_id INTEGER NOT NULL REFERENCES account (id),
  order_id TEXT NOT NULL,
  announced_at TEXT NOT NULL,
  PRIMARY KEY (account_id, order_id)
) STRICT;

CREATE TABLE api_token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  token_hash TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_at TEXT NOT NULL,
  last_used_at TEXT,
  revoked_at TEXT
) STRICT;

CREATE TABLE audit (
  seq INTEGER NOT NULL PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  facts TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;

CREATE TABLE balance_day (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  trade_date TEXT NOT NULL,
  currency TEXT NOT NULL,
  start_equity TEXT,
  flows TEXT,
  transfers TEXT,
  realized TEXT,
  unrealized_change TEXT,
  income TEXT,
  fees TEXT,
  fx TEXT,
  end_equity TEXT,
  end_cash TEXT,
  buying_power TEXT,
  residual TEXT,
  residual_state TEXT, source TEXT NOT NULL DEFAULT 'recorded', profit_loss TEXT, corrections TEXT,
  PRIMARY KEY (account_id, epoch, trade_date, currency)
) STRICT;

CREATE TABLE balance_observation (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  currency TEXT NOT NULL,
  equity TEXT,
  cash TEXT,
  buying_power TEXT,
  long_market_value TEXT,
  short_market_value TEXT,
  as_of TEXT NOT NULL,
  fetched_at TEXT NOT NULL,
  trade_date TEXT NOT NULL,
  row_hash TEXT NOT NULL,
  PRIMARY KEY (run_id, currency)
) STRICT;

CREATE TABLE bankroll (
  account_id INTEGER NOT NULL REFERENCES account (id),
  currency TEXT NOT NULL,
  equity TEXT,
  cash TEXT,
  buying_power TEXT,
  long_market_value TEXT,
  short_market_value TEXT,
  as_of TEXT NOT NULL,
  fetched_at TEXT NOT NULL,
  trade_date TEXT NOT NULL,
  PRIMARY KEY (account_id, currency)
) STRICT;

CREATE TABLE bankroll_entry (
  account_id INTEGER NOT NULL REFERENCES account (id),
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  kind TEXT NOT NULL,
  amount TEXT NOT NULL,
  currency TEXT NOT NULL,
  at TEXT NOT NULL,
  trade_date TEXT NOT NULL,
  source TEXT NOT NULL,
  details TEXT NOT NULL,
  first_seen_at TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL, run_id INTEGER REFERENCES sync_run (id),
  PRIMARY KEY (account_id, seq)
) STRICT;

CREATE TABLE book_checkpoint (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  last_executed_at TEXT NOT NULL,
  last_root_id TEXT NOT NULL,
  activity_count INTEGER NOT NULL,
  rules_hash TEXT NOT NULL,
  state TEXT NOT NULL,
  lots TEXT NOT NULL,
  PRIMARY KEY (account_id, epoch, last_executed_at, last_root_id)
) STRICT;

CREATE TABLE book_event (
  account_id INTEGER NOT NULL REFERENCES account (id),
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  instrument TEXT,
  symbol TEXT,
  facts TEXT NOT NULL,
  first_seen_at TEXT NOT NULL,
  run_id INTEGER REFERENCES sync_run (id),
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (account_id, seq)
) STRICT;

CREATE TABLE chain_head (
  chain TEXT NOT NULL PRIMARY KEY,
  account_id INTEGER REFERENCES account (id),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  signature TEXT,
  signed_at TEXT
, signed_seq INTEGER, signed_hash TEXT, signed_key TEXT) STRICT;

CREATE TABLE connection (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  broker TEXT NOT NULL,
  env TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE cursor (
  account_id INTEGER NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  place TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (account_id, name)
) STRICT;

CREATE TABLE day_observation (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  run_id INTEGER REFERENCES sync_run (id),
  trade_date TEXT NOT NULL,
  currency TEXT NOT NULL,
  equity TEXT,
  profit_loss TEXT,
  row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  outbox_id INTEGER NOT NULL REFERENCES outbox (id),
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at TEXT,
  delivered_at TEXT,
  last_error TEXT,
  UNIQUE (outbox_id, channel)
) STRICT;

CREATE TABLE election (
  account_id INTEGER NOT NULL REFERENCES account (id),
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  kind TEXT NOT NULL,
  object TEXT,
  choice TEXT NOT NULL,
  valid_from TEXT,
  valid_to TEXT,
  source TEXT NOT NULL,
  details TEXT NOT NULL,
  first_seen_at TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (account_id, seq)
) STRICT;

CREATE TABLE finding (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account (id),
  finding_key TEXT NOT NULL,
  type TEXT NOT NULL,
  cause TEXT NOT NULL,
  confidence TEXT NOT NULL,
  state TEXT NOT NULL,
  instrument TEXT,
  symbol TEXT,
  expected TEXT,
  observed TEXT,
  first_seen_at TEXT NOT NULL,
  last_seen_at TEXT NOT NULL,
  evidence TEXT NOT NULL,
  UNIQUE (account_id, finding_key)
) STRICT;

CREATE TABLE freshness (
  account_id INTEGER NOT NULL REFERENCES account (id),
  data_class TEXT NOT NULL,
  as_of TEXT NOT NULL,
  as_of_mono TEXT NOT NULL,
  mono_epoch TEXT NOT NULL,
  fetched_at TEXT NOT NULL,
  run_id INTEGER NOT NULL REFERENCES sync_run (id),
  reconciled INTEGER NOT NULL CHECK (reconciled IN (0, 1)),
  verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
  PRIMARY KEY (account_id, data_class)
) STRICT;

CREATE TABLE gate_decision (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account (id),
  decided_at TEXT NOT NULL,
  symbol TEXT,
  allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
  reasons TEXT NOT NULL,
  run_id INTEGER,
  asked_by TEXT NOT NULL
) STRICT;

CREATE TABLE greeks_latest (
  account_id INTEGER NOT NULL REFERENCES account (id),
  instrument TEXT NOT NULL,
  mark TEXT,
  mark_as_of TEXT,
  has_greeks INTEGER NOT NULL CHECK (has_greeks IN (0, 1)),
  delta TEXT,
  gamma TEXT,
  theta TEXT,
  vega TEXT,
  rho TEXT,
  iv TEXT,
  greeks_as_of TEXT,
  observed_at TEXT NOT NULL,
  PRIMARY KEY (account_id, instrument)
) STRICT;

CREATE TABLE greeks_observation (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  instrument TEXT NOT NULL,
  mark TEXT,
  mark_as_of TEXT,
  has_greeks INTEGER NOT NULL CHECK (has_greeks IN (0, 1)),
  delta TEXT,
  gamma TEXT,
  theta TEXT,
  vega TEXT,
  rho TEXT,
  iv TEXT,
  greeks_as_of TEXT,
  observed_at TEXT NOT NULL,
  row_hash TEXT NOT NULL,
  PRIMARY KEY (run_id, instrument)
) STRICT;

CREATE TABLE imported_trade (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account (id),
  content_hash TEXT NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  executed_at TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT,
  quantity TEXT NOT NULL,
  price TEXT,
  fees TEXT,
  realized_pnl TEXT,
  order_id TEXT,
  trade_id TEXT,
  status TEXT,
  cells TEXT NOT NULL,
  imported_at TEXT NOT NULL,
  UNIQUE (account_id, content_hash)
) STRICT;

CREATE TABLE instrument (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  symbol TEXT NOT NULL,
  currency TEXT NOT NULL,
  multiplier TEXT NOT NULL,
  option_underlying TEXT,
  option_expiry TEXT,
  option_strike TEXT,
  option_right TEXT
) STRICT;

CREATE TABLE instrument_alias (
  scheme TEXT NOT NULL,
  alias TEXT NOT NULL,
  instrument TEXT NOT NULL,
  valid_from TEXT NOT NULL,
  valid_to TEXT,
  PRIMARY KEY (scheme, alias, instrument)
) STRICT;

CREATE TABLE lease (
  account_id INTEGER NOT NULL PRIMARY KEY REFERENCES account (id),
  fence INTEGER NOT NULL,
  incarnation TEXT,
  kind TEXT,
  process_id INTEGER,
  host TEXT,
  started_at TEXT,
  expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE lot (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  lot_id TEXT NOT NULL,
  instrument TEXT NOT NULL REFERENCES instrument (id),
  opened_root_id TEXT NOT NULL,
  activity_root_id TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('long', 'short')),
  opened_at TEXT NOT NULL,
  acquired_at TEXT NOT NULL,
  acquired_date TEXT NOT NULL,
  holding_from TEXT NOT NULL,
  quantity TEXT NOT NULL,
  open_quantity TEXT NOT NULL,
  cost TEXT,
  open_cost TEXT,
  rolled TEXT NOT NULL,
  cost_source TEXT NOT NULL,
  currency TEXT NOT NULL,
  open_cost_base TEXT,
  PRIMARY KEY (account_id, epoch, lot_id)
) STRICT;

CREATE TABLE lot_closure (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  closure_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  lot_id TEXT NOT NULL,
  instrument TEXT NOT NULL REFERENCES instrument (id),
  opened_root_id TEXT NOT NULL,
  activity_root_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('long', 'short')),
  acquired_date TEXT NOT NULL,
  closed_at TEXT NOT NULL,
  closed_date TEXT NOT NULL,
  quantity TEXT NOT NULL,
  cost TEXT,
  proceeds TEXT,
  fees TEXT NOT NULL,
  realized TEXT,
  rolled TEXT NOT NULL,
  realized_basis TEXT NOT NULL,
  term TEXT,
  holding_days INTEGER,
  currency TEXT NOT NULL,
  realized_base_close_rate TEXT,
  realized_base_historical TEXT, rolled_proceeds TEXT,
  PRIMARY KEY (account_id, epoch, closure_id)
) STRICT;

CREATE TABLE mark (
  account_id INTEGER NOT NULL REFERENCES account (id),
  instrument TEXT NOT NULL REFERENCES instrument (id),
  mark TEXT NOT NULL,
  mark_as_of TEXT,
  fetched_at TEXT NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (account_id, instrument)
) STRICT;

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE order_reference (
  account_id INTEGER NOT NULL REFERENCES account (id),
  order_id TEXT NOT NULL,
  client_order_id TEXT,
  parent_order_id TEXT, next_lookup_at TEXT,
  PRIMARY KEY (account_id, order_id)
) STRICT;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER,
  run_id INTEGER,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  facts TEXT NOT NULL
) STRICT;

CREATE TABLE payload (
  account_id INTEGER NOT NULL REFERENCES account (id),
  resource TEXT NOT NULL,
  trade_date TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  run_id INTEGER NOT NULL REFERENCES sync_run (id),
  status INTEGER NOT NULL,
  path TEXT NOT NULL,
  request_id TEXT,
  started_at TEXT NOT NULL,
  received_at TEXT NOT NULL,
  row_hash TEXT NOT NULL,
  PRIMARY KEY (account_id, resource, trade_date, sha256)
) STRICT;

CREATE TABLE payload_body (
  sha256 TEXT NOT NULL PRIMARY KEY,
  encoding TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  body BLOB NOT NULL,
  row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE position (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  instrument TEXT NOT NULL REFERENCES instrument (id),
  opened_root_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'missing', 'closed')),
  quantity TEXT NOT NULL,
  broker_quantity TEXT,
  book_quantity TEXT NOT NULL,
  explained INTEGER NOT NULL CHECK (explained IN (0, 1)),
  average_cost TEXT,
  average_cost_source TEXT,
  realized_pnl TEXT,
  realized_basis TEXT NOT NULL,
  opened_at TEXT,
  closed_at TEXT,
  closed_root_id TEXT,
  missing_since TEXT,
  source TEXT NOT NULL,
  PRIMARY KEY (account_id, epoch, instrument, opened_root_id)
) STRICT;

CREATE TABLE position_latest (
  account_id INTEGER NOT NULL REFERENCES account (id),
  instrument TEXT NOT NULL,
  quantity TEXT NOT NULL,
  average_cost TEXT,
  mark TEXT,
  mark_as_of TEXT,
  market_value TEXT,
  unrealized_pnl TEXT,
  as_of TEXT NOT NULL,
  trade_date TEXT NOT NULL,
  PRIMARY KEY (account_id, instrument)
) STRICT;

CREATE TABLE position_observation (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  instrument TEXT NOT NULL,
  quantity TEXT NOT NULL,
  average_cost TEXT,
  mark TEXT,
  mark_as_of TEXT,
  market_value TEXT,
  unrealized_pnl TEXT,
  as_of TEXT NOT NULL,
  trade_date TEXT NOT NULL,
  row_hash TEXT NOT NULL,
  PRIMARY KEY (run_id, instrument)
) STRICT;

CREATE TABLE prune_permit (
  id INTEGER NOT NULL PRIMARY KEY,
  audit_seq INTEGER NOT NULL REFERENCES audit (seq)
) STRICT;

CREATE TABLE quarantine (
  account_id INTEGER NOT NULL REFERENCES account (id),
  row_hash TEXT NOT NULL,
  run_id INTEGER NOT NULL REFERENCES sync_run (id),
  resource TEXT NOT NULL,
  path TEXT NOT NULL,
  reason TEXT NOT NULL,
  row_text TEXT NOT NULL,
  payload_sha256 TEXT,
  PRIMARY KEY (account_id, row_hash)
) STRICT;

CREATE TABLE schedule (
  account_id INTEGER NOT NULL REFERENCES account (id),
  task TEXT NOT NULL,
  due_at TEXT NOT NULL,
  last_started_at TEXT,
  state TEXT NOT NULL,
  PRIMARY KEY (account_id, task)
) STRICT;

CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL);

CREATE TABLE sealed_secret (
  name TEXT NOT NULL PRIMARY KEY,
  key_id TEXT NOT NULL,
  sealed BLOB NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE sync_read (
  run_id INTEGER NOT NULL REFERENCES sync_run (id),
  place INTEGER NOT NULL,
  resource TEXT NOT NULL,
  kind TEXT NOT NULL,
  reason TEXT,
  row_count INTEGER,
  as_of TEXT,
  started_at TEXT NOT NULL,
  payloads TEXT NOT NULL,
  row_hash TEXT NOT NULL,
  PRIMARY KEY (run_id, place)
) STRICT;

CREATE TABLE sync_request (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account (id),
  type TEXT NOT NULL,
  triggered_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  run_id INTEGER REFERENCES sync_run (id)
, dry_run INTEGER NOT NULL CHECK (dry_run IN (0, 1)) DEFAULT FALSE, answer TEXT) STRICT;

CREATE TABLE sync_run (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  marker TEXT NOT NULL UNIQUE,
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  triggered_by TEXT NOT NULL,
  type TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT NOT NULL,
  duration_ms INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reconciled INTEGER NOT NULL CHECK (reconciled IN (0, 1)),
  error_code TEXT,
  error_message TEXT,
  created_count INTEGER NOT NULL,
  updated_count INTEGER NOT NULL,
  closed_count INTEGER NOT NULL,
  missing_count INTEGER NOT NULL,
  findings_count INTEGER NOT NULL,
  new_activities_count INTEGER NOT NULL,
  deep_scan INTEGER NOT NULL CHECK (deep_scan IN (0, 1)),
  row_hash TEXT NOT NULL
, ledger_seq INTEGER) STRICT;

CREATE TABLE wash_adjustment (
  account_id INTEGER NOT NULL REFERENCES account (id),
  epoch INTEGER NOT NULL,
  adjustment_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  closure_id TEXT NOT NULL,
  replacement_account_id INTEGER,
  replacement_lot_id TEXT,
  quantity TEXT NOT NULL,
  disallowed TEXT NOT NULL,
  permanently_lost TEXT NOT NULL,
  holding_from TEXT NOT NULL,
  currency TEXT NOT NULL,
  PRIMARY KEY (account_id, epoch, adjustment_id)
) STRICT;

CREATE TRIGGER activity_no_delete BEFORE DELETE ON activity BEGIN SELECT RAISE(ABORT, 'append-only: activity'); END;

CREATE TRIGGER activity_no_update BEFORE UPDATE ON activity BEGIN SELECT RAISE(ABORT, 'append-only: activity'); END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append-only: audit'); END;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append-only: audit'); END;

CREATE TRIGGER balance_observation_no_delete BEFORE DELETE ON balance_observation WHEN NOT EXISTS (SELECT 1 FROM prune_permit) BEGIN SELECT RAISE(ABORT, 'append-only: balance_observation'); END;

CREATE TRIGGER balance_observation_no_update BEFORE UPDATE ON balance_observation BEGIN SELECT RAISE(ABORT, 'append-only: balance_observation'); END;

CREATE TRIGGER bankroll_entry_no_delete BEFORE DELETE ON bankroll_entry BEGIN SELECT RAISE(ABORT, 'append-only: bankroll_entry'); END;

CREATE TRIGGER bankroll_entry_no_update BEFORE UPDATE ON bankroll_entry BEGIN SELECT RAISE(ABORT, 'append-only: bankroll_entry'); END;

CREATE TRIGGER book_event_no_delete BEFORE DELETE ON book_event BEGIN SELECT RAISE(ABORT, 'append-only: book_event'); END;

CREATE TRIGGER book_event_no_update BEFORE UPDATE ON book_event BEGIN SELECT RAISE(ABORT, 'append-only: book_event'); END;

CREATE TRIGGER day_observation_no_delete BEFORE DELETE ON day_observation WHEN NOT EXISTS (SELECT 1 FROM prune_permit) BEGIN SELECT RAISE(ABORT, 'append-only: day_observation'); END;

CREATE TRIGGER day_observation_no_update BEFORE UPDATE ON day_observation BEGIN SELECT RAISE(ABORT, 'append-only: day_observation'); END;

CREATE TRIGGER election_no_delete BEFORE DELETE ON election BEGIN SELECT RAISE(ABORT, 'append-only: election'); END;

CREATE TRIGGER election_no_update BEFORE UPDATE ON election BEGIN SELECT RAISE(ABORT, 'append-only: election'); END;

CREATE TRIGGER greeks_observation_no_delete BEFORE DELETE ON greeks_observation WHEN NOT EXISTS (SELECT 1 FROM prune_permit) BEGIN SELECT RAISE(ABORT, 'append-only: greeks_observation'); END;

CREATE TRIGGER greeks_observation_no_update BEFORE UPDATE ON greeks_observation BEGIN SELECT RAISE(ABORT, 'append-only: greeks_observation'); END;

CREATE TRIGGER payload_body_no_delete BEFORE DELETE ON payload_body WHEN NOT EXISTS (SELECT 1 FROM prune_permit) BEGIN SELECT RAISE(ABORT, 'append-only: payload_body'); END;

CREATE TRIGGER payload_body_no_update BEFORE UPDATE ON payload_body BEGIN SELECT RAISE(ABORT, 'append-only: payload_body'); END;

CREATE TRIGGER payload_no_delete BEFORE DELETE ON payload BEGIN SELECT RAISE(ABORT, 'append-only: payload'); END;

CREATE TRIGGER payload_no_update BEFORE UPDATE ON payload BEGIN SELECT RAISE(ABORT, 'append-only: payload'); END;

CREATE TRIGGER position_observation_no_delete BEFORE DELETE ON position_observation WHEN NOT EXISTS (SELECT 1 FROM prune_permit) BEGIN SELECT RAISE(ABORT, 'append-only: position_observation'); END;

CREATE TRIGGER position_observation_no_update BEFORE UPDATE ON position_observation BEGIN SELECT RAISE(ABORT, 'append-only: position_observation'); END;

CREATE TRIGGER quarantine_no_delete BEFORE DELETE ON quarantine BEGIN SELECT RAISE(ABORT, 'append-only: quarantine'); END;

CREATE TRIGGER quarantine_no_update BEFORE UPDATE ON quarantine BEGIN SELECT RAISE(ABORT, 'append-only: quarantine'); END;

CREATE TRIGGER sync_read_no_delete BEFORE DELETE ON sync_read BEGIN SELECT RAISE(ABORT, 'append-only: sync_read'); END;

CREATE TRIGGER sync_read_no_update BEFORE UPDATE ON sync_read BEGIN SELECT RAISE(ABORT, 'append-only: sync_read'); END;

CREATE TRIGGER sync_run_no_delete BEFORE DELETE ON sync_run BEGIN SELECT RAISE(ABORT, 'append-only: sync_run'); END;

CREATE TRIGGER sync_run_no_update BEFORE UPDATE ON sync_run BEGIN SELECT RAISE(ABORT, 'append-only: sync_run'); END;

CREATE VIEW daily_portfolio_balances AS
SELECT
  d.account_id,
  a.name AS account_name,
  d.trade_date AS date,
  d.currency,
  CAST(d.end_equity AS NUMERIC) AS ending_balance,
  CAST(d.end_cash AS NUMERIC) AS cash,
  CAST(d.buying_power AS NUMERIC) AS buying_power,
  CAST(d.realized AS NUMERIC) AS realized_pnl,
  CAST(d.flows AS NUMERIC) AS deposits_withdrawals,
  CAST(d.profit_loss AS NUMERIC) AS profit_loss,
  d.source
FROM balance_day d
JOIN account a ON a.id = d.account_id AND a.epoch = d.epoch;

CREATE VIEW positions AS
SELECT
  p.number AS id,
  p.account_id,
  i.symbol,
  CAST(p.quantity AS NUMERIC) AS quantity,
  CAST(p.average_cost AS NUMERIC) AS average_price,
  CAST(m.mark AS NUMERIC) AS current_price,
  CASE WHEN p.state <> 'closed' THEN round(CAST(m.mark AS NUMERIC) * CAST(p.quantity AS NUMERIC) * CAST(i.multiplier AS NUMERIC) - CAST(p.average_cost AS NUMERIC) * CAST(p.quantity AS NUMERIC) * CAST(i.multiplier AS NUMERIC), 10) END AS unrealized_pnl,
  CASE WHEN p.state <> 'closed' THEN round((CAST(m.mark AS NUMERIC) * CAST(p.quantity AS NUMERIC) * CAST(i.multiplier AS NUMERIC) - CAST(p.average_cost AS NUMERIC) * CAST(p.quantity AS NUMERIC) * CAST(i.multiplier AS NUMERIC)) * 100.0 / nullif(abs(CAST(p.average_cost AS NUMERIC) * CAST(p.quantity AS NUMERIC) * CAST(i.multiplier AS NUMERIC)), 0), 10) END AS unrealized_pnl_pct,
  CASE WHEN p.state = 'closed' THEN 'CLOSED' ELSE 'OPEN' END AS status,
  substr(p.opened_at, 1, 10) || ' ' || substr(p.opened_at, 12, 15) AS opened_at,
  substr(p.closed_at, 1, 10) || ' ' || substr(p.closed_at, 12, 15) AS closed_at,
  substr(f.fetched_at, 1, 10) || ' ' || substr(f.fetched_at, 12, 15) AS last_synced_at,
  CAST(p.realized_pnl AS NUMERIC) AS realized_pnl,
  nullif(p.opened_root_id, '') AS entry_trade_id,
  p.closed_root_id AS exit_trade_id
FROM position p
JOIN instrument i ON i.id = p.instrument
LEFT JOIN mark m ON m.account_id = p.account_id AND m.instrument = p.instrument
LEFT JOIN freshness f ON f.account_id = p.account_id AND f.data_class = 'positions';

CREATE VIEW trade_history AS
SELECT
  c.number AS id,
  c.account_id,
  i.symbol,
  CASE WHEN c.direction = 'short' THEN 'SHORT' ELSE 'LONG' END AS direction,
  CAST(c.quantity AS NUMERIC) AS quantity,
  round(CAST(CASE WHEN c.direction = 'short' THEN c.proceeds ELSE c.cost END AS NUMERIC) * 1.0 / nullif(CAST(c.quantity AS NUMERIC) * CAST(i.multiplier AS NUMERIC), 0), 10) AS entry_price,
  round(CAST(CASE WHEN c.direction = 'short' THEN c.cost ELSE c.proceeds END AS NUMERIC) * 1.0 / nullif(CAST(c.quantity AS NUMERIC) * CAST(i.multiplier AS NUMERIC), 0), 10) AS exit_price,
  substr(l.acquired_at, 1, 10) || ' ' || substr(l.acquired_at, 12, 15) AS opened_at,
  substr(c.closed_at, 1, 10) || ' ' || substr(c.closed_at, 12, 15) AS closed_at,
  CAST(c.realized AS NUMERIC) AS realized_pnl,
  c.realized_basis,
  l.activity_root_id AS entry_trade_id,
  c.activity_root_id AS exit_trade_id,
  c.kind AS close_reason,
  a.broker AS source
FROM lot_closure c
JOIN instrument i ON i.id = c.instrument
JOIN account a ON a.id = c.account_id
LEFT JOIN lot l ON l.account_id = c.account_id AND l.epoch = c.epoch AND l.lot_id = c.lot_id
WHERE c.kind NOT IN ('return_of_capital', 'coin_fee', 'transfer_out');

CREATE VIEW trading_accounts AS
SELECT
  a.id,
  a.name AS account_name,
  a.broker,
  a.env AS environment,
  a.pinned_last4 AS account_last4,
  a.base_currency AS currency,
  CAST(b.equity AS NUMERIC) AS portfolio_value,
  CAST(b.cash AS NUMERIC) AS cash,
  CAST(b.buying_power AS NUMERIC) AS buying_power,
  substr(f.fetched_at, 1, 10) || ' ' || substr(f.fetched_at, 12, 15) AS last_synced_at,
  substr(a.created_at, 1, 10) || ' ' || substr(a.created_at, 12, 15) AS created_at
FROM account a
LEFT JOIN bankroll b ON b.account_id = a.id AND b.currency = a.base_currency
LEFT JOIN freshness f ON f.account_id = a.id AND f.data_class = 'balances';
