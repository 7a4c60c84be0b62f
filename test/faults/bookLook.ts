/** Everything a user can read of one account at one moment: what the judge compares from look to look. */
import { parseBook } from '../../src/book/checkpoint.ts';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Decimal } from '../../src/domain/decimal.ts';
import { askGate, type GateAnswer } from '../../src/gate/gate.ts';
import { parseCsv } from '../../src/mirror/csv.ts';
import { mirrorNames } from '../../src/mirror/names.ts';
import { type FindingState } from '../../src/domain/finding.ts';
import {
  balanceRecords,
  positionRecords,
  tradeRecords,
  type BalanceRecord,
  type PositionRecord,
  type TradeRecord,
} from '../../src/sync/records.ts';
import {
  type LedgerRow,
  type PositionRow,
  type StoredFinding,
  type SyncState,
} from '../../src/store/store.ts';
import { PAPER, type Process } from './trialWorld.ts';

export interface BookLook {
  readonly epoch: number;
  readonly accountId: number;
  /** Newest revision of every activity of the epoch. */
  readonly ledger: readonly LedgerRow[];
  /** Rows of the epoch in every state. */
  readonly rows: readonly PositionRow[];
  /** The same as users see them: open and missing ones. */
  readonly positions: readonly PositionRecord[];
  readonly trades: readonly TradeRecord[];
  readonly balances: readonly BalanceRecord[];
  /** Cash of the book by currency; null before the first fold. */
  readonly cash: ReadonlyMap<string, Decimal> | null;
  readonly openFindings: readonly StoredFinding[];
  readonly state: SyncState;
  /** What the gate says without a sync of its own. */
  readonly gate: GateAnswer;
  /** Symbols in the mirror's file of positions; null where there is none yet. */
  readonly mirrored: readonly string[] | null;
}

const UNSETTLED: readonly FindingState[] = ['open', 'reopened'];

export async function lookAtBook({ truebook }: Process, name = PAPER): Promise<BookLook> {
  const { store, records } = truebook;
  const account = await truebook.account(name);
  const filter = { accountId: account.id };
  const state = await store.syncState(account.id);
  const ofEpoch = <Row extends { readonly epoch: number }>(rows: readonly Row[]): Row[] =>
    rows.filter((row) => row.epoch === account.epoch);
  return {
    epoch: account.epoch,
    accountId: account.id,
    ledger: ofEpoch(await store.ledger(filter)),
    rows: await store.allPositions(account.id, account.epoch),
    positions: await positionRecords(records, { account }),
    trades: await tradeRecords(records, { account }),
    balances: await balanceRecords(records, { account }),
    cash: state.checkpoint === null ? null : parseBook(state.checkpoint.state).cash,
    openFindings: await store.findings({ ...filter, states: UNSETTLED }),
    state,
    gate: await askGate(
      { store, records, policy: { onSyncFailure: 'deny' }, sync: null, onWarning: () => undefined },
      account,
    ),
    mirrored: mirroredSymbols(join(truebook.config.settings.MIRROR_DIR, mirrorNames(account).positions)),
  };
}

function mirroredSymbols(file: string): readonly string[] | null {
  if (!existsSync(file)) return null;
  // The first line has the names of the columns, of which the symbol is the first.
  return parseCsv(readFileSync(file, 'utf8'))
    .slice(1)
    .map((row) => row.cells[0]!);
}
