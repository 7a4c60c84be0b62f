/**
 * The tables as Kysely sees them. Decimals and instants are text on both databases; a flag is written as a boolean
 * and read as a boolean (PostgreSQL) or 0/1 (SQLite): `isTrue` of `rows.ts` reads both.
 */
import { type ColumnType, type Generated } from 'kysely';

type Flag = ColumnType<boolean | number, boolean, boolean>;

/** Canonical decimal text. */
type Exact = string;
/** An instant with nine fraction digits (`instantKey`). */
type InstantText = string;
/** `YYYY-MM-DD`. */
type DateText = string;
/** Canonical JSON text. */
type JsonText = string;

export interface Schema {
  meta: { key: string; value: string };
  schema_migration: { version: number; name: string; applied_at: InstantText };

  connection: { id: Generated<number>; name: string; broker: string; env: string; created_at: InstantText };
  account: AccountTable;
  instrument: InstrumentTable;
  instrument_alias: {
    scheme: string;
    alias: string;
    instrument: string;
    valid_from: InstantText;
    valid_to: InstantText | null;
  };

  sync_run: SyncRunTable;
  sync_read: {
    run_id: number;
    place: number;
    resource: string;
    kind: string;
    reason: string | null;
    row_count: number | null;
    as_of: InstantText | null;
    started_at: InstantText;
    payloads: JsonText;
    row_hash: string;
  };
  payload: {
    account_id: number;
    resource: string;
    trade_date: DateText;
    sha256: string;
    run_id: number;
    status: number;
    path: string;
    request_id: string | null;
    started_at: InstantText;
    received_at: InstantText;
    row_hash: string;
  };
  payload_body: { sha256: string; encoding: string; size_bytes: number; body: Uint8Array; row_hash: string };
  quarantine: {
    account_id: number;
    row_hash: string;
    run_id: number;
    resource: string;
    path: string;
    reason: string;
    row_text: string;
    payload_sha256: string | null;
  };
  position_observation: PositionLatestTable & { epoch: number; run_id: number; row_hash: string };
  balance_observation: BankrollTable & { epoch: number; run_id: number; row_hash: string };
  greeks_observation: GreeksTable & { epoch: number; run_id: number; row_hash: string };
  day_observation: {
    id: Generated<number>;
    account_id: number;
    epoch: number;
    run_id: number | null;
    trade_date: DateText;
    currency: string;
    equity: Exact | null;
    profit_loss: Exact | null;
    row_hash: string;
  };

  chain_head: {
    chain: string;
    account_id: number | null;
    seq: number;
    hash: string;
    signature: string | null;
    signed_at: InstantText | null;
    /** What the signature covers: a place of the chain and its hash, which the chain has gone on from since. */
    signed_seq: number | null;
    signed_hash: string | null;
    /** Public key, base64. */
    signed_key: string | null;
  };
  activity: ActivityTable;
  election: ChainedTable & {
    kind: string;
    object: string | null;
    choice: string;
    valid_from: DateText | null;
    valid_to: DateText | null;
    source: string;
    details: JsonText;
  };
  bankroll_entry: ChainedTable & {
    kind: string;
    amount: Exact;
    currency: string;
    at: InstantText;
    trade_date: DateText;
    source: string;
    details: JsonText;
    run_id: number | null;
  };
  book_event: BookEventTable;
  imported_trade: {
    id: Generated<number>;
    account_id: number;
    content_hash: string;
    file: string;
    line: number;
    executed_at: InstantText;
    symbol: string;
    side: string | null;
    quantity: Exact;
    price: Exact | null;
    fees: Exact | null;
    realized_pnl: Exact | null;
    order_id: string | null;
    trade_id: string | null;
    status: string | null;
    cells: JsonText;
    imported_at: InstantText;
  };

  position: PositionTable;
  lot: LotTable;
  lot_closure: LotClosureTable;
  wash_adjustment: WashAdjustmentTable;
  balance_day: {
    account_id: number;
    epoch: number;
    trade_date: DateText;
    currency: string;
    start_equity: Exact | null;
    flows: Exact | null;
    transfers: Exact | null;
    realized: Exact | null;
    unrealized_change: Exact | null;
    corrections: Exact | null;
    income: Exact | null;
    fees: Exact | null;
    fx: Exact | null;
    end_equity: Exact | null;
    end_cash: Exact | null;
    buying_power: Exact | null;
    residual: Exact | null;
    residual_state: string | null;
    source: string;
    profit_loss: Exact | null;
  };
  book_checkpoint: {
    account_id: number;
    epoch: number;
    last_executed_at: InstantText;
    last_root_id: string;
    activity_count: number;
    rules_hash: string;
    state: string;
    lots: string;
  };

  finding: FindingTable;
  cursor: { account_id: number; name: string; place: string; updated_at: InstantText };
  activity_watch: {
    account_id: number;
    root_id: string;
    absent_scans: number;
    withdrawn: Flag;
    pending_content_hash: string | null;
  };
  order_reference: {
    account_id: number;
    order_id: string;
    client_order_id: string | null;
    parent_order_id: string | null;
    /** When to ask again for an order the broker did not know; null for known ones. */
    next_lookup_at: InstantText | null;
  };
  announced_order: { account_id: number; order_id: string; announced_at: InstantText };
  freshness: {
    account_id: number;
    data_class: string;
    as_of: InstantText;
    as_of_mono: string;
    mono_epoch: string;
    fetched_at: InstantText;
    run_id: number;
    reconciled: Flag;
    verified: Flag;
  };
  mark: {
    account_id: number;
    instrument: string;
    mark: Exact;
    mark_as_of: InstantText | null;
    fetched_at: InstantText;
    source: string;
  };
  bankroll: BankrollTable;
  position_latest: PositionLatestTable;
  greeks_latest: GreeksTable;
  lease: {
    account_id: number;
    fence: number;
    incarnation: string | null;
    kind: string | null;
    process_id: number | null;
    host: string | null;
    started_at: InstantText | null;
    expires_at_ms: number;
  };
  sync_request: {
    id: Generated<number>;
    account_id: number;
    type: string;
    triggered_by: string;
    requested_at: InstantText;
    requested_by: string;
    run_id: number | null;
    dry_run: Flag;
    answer: JsonText | null;
  };
  schedule: {
    account_id: number;
    task: string;
    due_at: InstantText;
    last_started_at: InstantText | null;
    state: JsonText;
  };
  outbox: {
    id: Generated<number>;
    account_id: number | null;
    run_id: number | null;
    kind: string;
    at: InstantText;
    facts: JsonText;
  };
  delivery: {
    id: Generated<number>;
    outbox_id: number;
    channel: string;
    state: string;
    attempts: number;
    next_attempt_at: InstantText | null;
    delivered_at: InstantText | null;
    last_error: string | null;
  };
  audit: {
    seq: number;
    at: InstantText;
    actor: string;
    action: string;
    object: string;
    facts: JsonText;
    prev_hash: string;
    hash: string;
  };
  gate_decision: {
    id: Generated<number>;
    account_id: number;
    decided_at: InstantText;
    symbol: string | null;
    allowed: Flag;
    reasons: JsonText;
    run_id: number | null;
    asked_by: string;
  };
  api_token: {
    id: Generated<number>;
    name: string;
    token_hash: string;
    scopes: JsonText;
    created_at: InstantText;
    last_used_at: InstantText | null;
    revoked_at: InstantText | null;
  };
  sealed_secret: { name: string; key_id: string; sealed: Uint8Array; updated_at: InstantText };
  prune_permit: { id: number; audit_seq: number };
}

export interface AccountTable {
  id: Generated<number>;
  name: string;
  connection_id: number;
  broker: string;
  env: string;
  epoch: Generated<number>;
  pinned_fingerprint: string | null;
  pinned_last4: string | null;
  base_currency: string;
  created_at: InstantText;
  /** How it is taxed; null = nobody said. */
  type: string | null;
}

export interface InstrumentTable {
  id: string;
  kind: string;
  symbol: string;
  currency: string;
  multiplier: Exact;
  option_underlying: string | null;
  option_expiry: DateText | null;
  option_strike: Exact | null;
  option_right: string | null;
}

export interface SyncRunTable {
  id: Generated<number>;
  /** Names one attempt to commit a run: found again when the answer to COMMIT was lost. */
  marker: string;
  account_id: number;
  epoch: number;
  fence: number;
  triggered_by: string;
  type: string;
  started_at: InstantText;
  finished_at: InstantText;
  duration_ms: number;
  outcome: string;
  reconciled: Flag;
  error_code: string | null;
  error_message: string | null;
  created_count: number;
  updated_count: number;
  closed_count: number;
  missing_count: number;
  findings_count: number;
  new_activities_count: number;
  deep_scan: Flag;
  row_hash: string;
  /** Place of the account's chain that the run worked from; null in runs of earlier releases. */
  ledger_seq: number | null;
}

/** What every row of an account's hash chain has. */
export interface ChainedTable {
  account_id: number;
  seq: number;
  epoch: number;
  first_seen_at: InstantText;
  prev_hash: string;
  hash: string;
}

export interface ActivityTable extends ChainedTable {
  root_id: string;
  rev: number;
  broker_rev: number | null;
  kind: string;
  status: string;
  instrument: string | null;
  /** Name at execution; the instrument's own row has today's. */
  symbol: string | null;
  multiplier: Exact | null;
  quantity: Exact;
  price: Exact | null;
  amount: Exact | null;
  currency: string;
  fees: Exact | null;
  fees_currency: string | null;
  executed_at: InstantText;
  time_precision: string;
  trade_date: DateText;
  published_at: InstantText | null;
  side: string | null;
  order_id: string | null;
  group_id: string | null;
  external_id: string;
  broker_type: string;
  description: string | null;
  source: string;
  details: JsonText;
  content_hash: string;
  /** The run that brought it. Not part of the hash: numbers of runs differ between databases. */
  run_id: number | null;
}

export interface BookEventTable extends ChainedTable {
  kind: string;
  at: InstantText;
  instrument: string | null;
  symbol: string | null;
  facts: JsonText;
  run_id: number | null;
}

export interface PositionTable {
  account_id: number;
  epoch: number;
  instrument: string;
  opened_root_id: string;
  /** Id of the old view `positions`: worked out from the row's key, so that a rebuild gives the same. */
  number: number;
  state: string;
  quantity: Exact;
  broker_quantity: Exact | null;
  book_quantity: Exact;
  explained: Flag;
  average_cost: Exact | null;
  average_cost_source: string | null;
  realized_pnl: Exact | null;
  realized_basis: string;
  opened_at: InstantText | null;
  closed_at: InstantText | null;
  closed_root_id: string | null;
  missing_since: InstantText | null;
  source: string;
}

export interface LotTable {
  account_id: number;
  epoch: number;
  lot_id: string;
  instrument: string;
  opened_root_id: string;
  activity_root_id: string;
  direction: string;
  opened_at: InstantText;
  acquired_at: InstantText;
  acquired_date: DateText;
  holding_from: DateText;
  quantity: Exact;
  open_quantity: Exact;
  cost: Exact | null;
  open_cost: Exact | null;
  rolled: Exact;
  cost_source: string;
  currency: string;
  open_cost_base: Exact | null;
}

export interface LotClosureTable {
  account_id: number;
  epoch: number;
  closure_id: string;
  /** Id of the old view `trade_history`: worked out from the row's key, so that a rebuild gives the same. */
  number: number;
  lot_id: string;
  instrument: string;
  opened_root_id: string;
  activity_root_id: string;
  kind: string;
  direction: string;
  acquired_date: DateText;
  closed_at: InstantText;
  closed_date: DateText;
  quantity: Exact;
  cost: Exact | null;
  proceeds: Exact | null;
  fees: Exact;
  realized: Exact | null;
  rolled: Exact;
  /** Null: an earlier release wrote the row, and nobody can tell from it where the premium stands. */
  rolled_proceeds: Exact | null;
  realized_basis: string;
  term: string | null;
  holding_days: number | null;
  currency: string;
  realized_base_close_rate: Exact | null;
  realized_base_historical: Exact | null;
}

export interface WashAdjustmentTable {
  account_id: number;
  epoch: number;
  adjustment_id: string;
  scope: string;
  closure_id: string;
  replacement_account_id: number | null;
  replacement_lot_id: string | null;
  quantity: Exact;
  disallowed: Exact;
  permanently_lost: Exact;
  holding_from: DateText;
  currency: string;
}

export interface FindingTable {
  id: Generated<number>;
  account_id: number;
  finding_key: string;
  type: string;
  cause: string;
  confidence: string;
  state: string;
  instrument: string | null;
  symbol: string | null;
  expected: string | null;
  observed: string | null;
  first_seen_at: InstantText;
  last_seen_at: InstantText;
  evidence: JsonText;
}

export interface PositionLatestTable {
  account_id: number;
  instrument: string;
  quantity: Exact;
  average_cost: Exact | null;
  mark: Exact | null;
  mark_as_of: InstantText | null;
  market_value: Exact | null;
  unrealized_pnl: Exact | null;
  as_of: InstantText;
  trade_date: DateText;
}

export interface BankrollTable {
  account_id: number;
  currency: string;
  equity: Exact | null;
  cash: Exact | null;
  buying_power: Exact | null;
  long_market_value: Exact | null;
  short_market_value: Exact | null;
  as_of: InstantText;
  fetched_at: InstantText;
  trade_date: DateText;
}

export interface GreeksTable {
  account_id: number;
  instrument: string;
  mark: Exact | null;
  mark_as_of: InstantText | null;
  has_greeks: Flag;
  delta: Exact | null;
  gamma: Exact | null;
  theta: Exact | null;
  vega: Exact | null;
  rho: Exact | null;
  iv: Exact | null;
  greeks_as_of: InstantText | null;
  observed_at: InstantText;
}
