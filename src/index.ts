/**
 * The library: Truebook inside a program. `openTruebook` does what the command line does; `openBook` only reads.
 *
 * ```ts
 * const truebook = await openTruebook();
 * const results = await truebook.sync();
 * await truebook.close();
 * ```
 */
export {
  openBook,
  type Book,
  type OfAccount,
  type OfLedger,
  type OfMoment,
  type OpenBookOptions,
} from './library/book.ts';
export {
  openTruebook,
  type Announcement,
  type BeforeTradeQuestion,
  type OpenTruebookOptions,
  type SyncNeeded,
  type SyncWish,
  type Truebook,
} from './library/truebook.ts';
export { type WhichAccount } from './library/chooseAccount.ts';
export { type ListenedEvent, type ListenedKind } from './library/listeners.ts';
export { type AgentReport } from './library/ownAgent.ts';
export {
  defineHooks,
  type CommittedRun,
  type CycleResult,
  type HookContext,
  type HookName,
  type Hooks,
  type ReadResult,
  type ReconcileResult,
} from './hooks/hooks.ts';
export type {
  BankrollEvent,
  EventKind,
  EventOf,
  FindingEvent,
  PositionEvent,
  SyncCompletedEvent,
  SyncFailedEvent,
  SyncStartedEvent,
  TransactionEvent,
  TruebookEvent,
} from './hooks/events.ts';
export type { GateAnswer } from './gate/gate.ts';
export type { GateReason, Verdict } from './gate/decide.ts';
export { Decimal, decimal } from './domain/decimal.ts';
export {
  ERROR_EXIT_CODES,
  isTruebookError,
  TruebookError,
  type ErrorCode,
  type Retry,
} from './domain/errors.ts';
export { compareInstants, parseInstant, type Instant, type TradeDate } from './domain/time.ts';
export type { PositionState, SyncType } from './store/store.ts';
export type { AgentLog } from './sync/agent.ts';
export type { SyncDifference, SyncNeed } from './sync/difference.ts';
export type { SyncCheck, SyncResult } from './sync/syncResult.ts';
export type {
  AccountRecord,
  AccountStatusRecord,
  ActivityRecord,
  BalanceRecord,
  BankrollRecord,
  CloseRecord,
  DailyBalanceRecord,
  EventRecord,
  FindingRecord,
  GreeksRecord,
  LotRecord,
  PnlGrouping,
  PnlRecord,
  PnlStatsRecord,
  PositionRecord,
  PositionSyncRecord,
  StatusRecord,
  TradeRecord,
} from './sync/records.ts';
