/**
 * The records that listings, the API and the library answer with (design section 11, contracts). One place makes them,
 * so every door says the same: decimals as canonical text, instants in UTC, absent = null, and a fresh mark with its why.
 */
export { accountRecords, type AccountRecord } from './records/accounts.ts';
export { activityRecords, type ActivityRecord } from './records/activity.ts';
export {
  closedLotRecordsOf,
  lotRecordsOf,
  pnlRecordsOf,
  pnlStatsRecordsOf,
  type BookScope,
} from './records/bookFacts.ts';
export { type ClosedLotRecord } from './records/closedLots.ts';
export { type LotRecord } from './records/lots.ts';
export { uncoveredRecordsOf, type UncoveredRecord } from './records/uncovered.ts';
export { returnsRecords, type ReturnsRecord, type ReturnsScope } from './records/returns.ts';
export { type PnlRecord, type PnlScope, type PnlStatsRecord } from './records/pnl.ts';
export { PNL_GROUPINGS, type PnlGrouping } from './records/pnlGroups.ts';
export { bankrollRecords, type BankrollRecord } from './records/bankroll.ts';
export {
  brokerFigureRecords,
  type BrokerFigureRecord,
  type FigureAgreement,
} from './records/brokerFigures.ts';
export { balanceRecordsThen, dailyBalanceRecordsThen } from './records/balancesThen.ts';
export { balanceRecords, type BalanceRecord } from './records/balances.ts';
export { dailyBalanceRecords, type DailyBalanceRecord } from './records/dailyBalances.ts';
export { closeRecords, type CloseRecord } from './records/closes.ts';
export { type AccountScope, type LedgerScope, type RecordContext } from './records/context.ts';
export { eventRecords, type EventRecord } from './records/events.ts';
export { findingRecords, findingRecordsThen, type FindingRecord } from './records/findings.ts';
export { positionRecordsThen } from './records/positionsThen.ts';
export { positionRecords, type GreeksRecord, type PositionRecord } from './records/positions.ts';
export {
  statusRecord,
  type AccountStatusRecord,
  type PositionSyncRecord,
  type StatusRecord,
} from './records/status.ts';
export { tradeRecords, type TradeRecord } from './records/trades.ts';
export { isAutomated } from './automation.ts';
