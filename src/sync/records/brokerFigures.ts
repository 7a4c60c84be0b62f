/** The broker's own figures of a position beside ours, and by which of its conventions they agree. */
import { type Activity, type ActivityRevision } from '../../domain/activity.ts';
import { type Account } from '../../domain/account.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { type PositionObservation, type PositionRow, type StoredLot } from '../../store/store.ts';
import { explainAverage, figureMoves, figureText, roundsTo } from '../brokerFigures.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { compareText, text } from './fields.ts';

/**
 * How two figures agree. `same`: they are one, rounded to the digits shown. `explained`: each is right by its own way of
 * counting, and `convention` names the broker's. `unexplained`: no known way of counting gives the broker's figure.
 * `quantity_differs`: nothing can be compared before broker and book hold the same. `unknown`: one of them is missing.
 */
export type FigureAgreement = 'same' | 'explained' | 'unexplained' | 'quantity_differs' | 'unknown';

export interface BrokerFigureRecord {
  readonly account: string;
  readonly accountId: number;
  readonly symbol: string;
  readonly instrument: string;
  readonly quantity: string;
  /** The book's average cost per unit (premium per share); null where a lot's cost is not known. */
  readonly averageCost: string | null;
  /** As the broker states it. */
  readonly brokerAverageCost: string | null;
  /** The broker's less ours. */
  readonly averageDifference: string | null;
  readonly averageAgreement: FigureAgreement;
  /** The way of counting that gives the broker's average, where it is not ours. */
  readonly convention: string | null;
  /** Where none does: the nearest a known way of counting comes. */
  readonly nearest: string | null;
  /** The broker's price of the moment of its statement: both unrealized figures are at it. */
  readonly mark: string | null;
  readonly unrealizedPnl: string | null;
  readonly brokerUnrealizedPnl: string | null;
  /** `explained`: the difference is that of the averages. */
  readonly unrealizedAgreement: FigureAgreement;
  /** When the broker stated its figures. */
  readonly asOf: string;
}

/** Of every open position the broker states: by account and symbol. The newest statement, at its own mark. */
export async function brokerFigureRecords(
  { store }: RecordContext,
  scope: AccountScope = {},
): Promise<readonly BrokerFigureRecord[]> {
  const accounts = scope.account === undefined ? await store.accounts() : [scope.account];
  const records: BrokerFigureRecord[] = [];
  for (const account of accounts) {
    const filter = { accountId: account.id };
    const rows = await store.positions({ ...filter, states: ['open'] });
    if (rows.length === 0) continue;
    const statements = await store.lastStatements(account.id, account.epoch);
    const stated = new Map(statements.map((row) => [row.instrument, row]));
    const instruments = await store.instruments(rows.map((row) => row.instrument));
    const ledger = await store.bookActivities(account.id, account.epoch, null);
    const premiums = premiumsOf(ledger, await store.lots({ ...filter, epoch: account.epoch }));
    const history = Map.groupBy(ledger, (row) => row.instrument?.id ?? null);
    for (const row of rows) {
      const [instrument, statement] = [instruments.get(row.instrument), stated.get(row.instrument)];
      if (instrument === undefined || statement === undefined) continue;
      const activities = history.get(row.instrument) ?? [];
      records.push(compared(account, row, { instrument, statement, activities, premiums }));
    }
  }
  return records.toSorted(
    (left, right) => left.accountId - right.accountId || compareText(left.symbol, right.symbol),
  );
}

interface Facts {
  readonly instrument: Instrument;
  readonly statement: PositionObservation;
  readonly activities: readonly Activity[];
  readonly premiums: ReadonlyMap<string, Decimal>;
}

function compared(account: Account, row: PositionRow, facts: Facts): BrokerFigureRecord {
  const { instrument, statement } = facts;
  const ours = row.averageCostSource === 'book' ? row.averageCost : null;
  const { averageCost: theirs, mark, unrealizedPnl: stated } = statement;
  const size = statement.quantity.times(instrument.multiplier);
  const at = (average: Decimal | null): Decimal | null =>
    mark === null || average === null ? null : size.times(mark.minus(average));
  const isTied = row.explained && statement.quantity.equals(row.bookQuantity);
  const average = isTied ? agreementOf(ours, theirs, facts) : QUANTITY_DIFFERS;
  return {
    account: account.name,
    accountId: account.id,
    symbol: instrument.symbol,
    instrument: row.instrument,
    quantity: statement.quantity.toString(),
    averageCost: text(ours),
    brokerAverageCost: text(theirs),
    averageDifference: ours === null || theirs === null ? null : theirs.minus(ours).toString(),
    averageAgreement: average.agreement,
    convention: average.convention,
    nearest: text(average.nearest),
    mark: text(mark),
    unrealizedPnl: text(at(ours)),
    brokerUnrealizedPnl: text(stated),
    unrealizedAgreement: isTied
      ? unrealizedAgreement(stated, at(ours), at(theirs), toleranceOf(theirs, size))
      : 'quantity_differs',
    asOf: statement.asOf,
  };
}

interface AverageAgreement {
  readonly agreement: FigureAgreement;
  readonly convention: string | null;
  readonly nearest: Decimal | null;
}

const QUANTITY_DIFFERS: AverageAgreement = {
  agreement: 'quantity_differs',
  convention: null,
  nearest: null,
};

function agreementOf(ours: Decimal | null, theirs: Decimal | null, facts: Facts): AverageAgreement {
  if (theirs === null) return { agreement: 'unknown', convention: null, nearest: null };
  const shown = theirs.toString();
  if (ours !== null && roundsTo(ours, shown)) return { agreement: 'same', convention: null, nearest: null };
  const moves = figureMoves(facts.activities, facts.premiums);
  const explained = moves === null ? null : explainAverage(moves, shown);
  if (explained?.kind === 'explained')
    return { agreement: 'explained', convention: figureText(explained.label), nearest: null };
  // Without a cost of our own there is nothing that could contradict the broker's.
  return {
    agreement: ours === null ? 'unknown' : 'unexplained',
    convention: null,
    nearest: explained?.nearest ?? null,
  };
}

function unrealizedAgreement(
  stated: Decimal | null,
  ours: Decimal | null,
  byTheirAverage: Decimal | null,
  tolerance: Decimal,
): FigureAgreement {
  const isNear = (one: Decimal, other: Decimal): boolean => one.minus(other).abs().compare(tolerance) <= 0;
  if (stated === null || ours === null) return 'unknown';
  if (isNear(stated, ours)) return 'same';
  return byTheirAverage !== null && isNear(stated, byTheirAverage) ? 'explained' : 'unexplained';
}

/** Half a cent. */
const HALF_A_CENT = Decimal.ofScaled(5, 3);
const HALF = Decimal.ofScaled(5, 1);

/** Half a unit of the last digit the average is shown with, for all units (pnl rules, section 12); at least half a cent. */
function toleranceOf(average: Decimal | null, size: Decimal): Decimal {
  const decimals = average?.toString().split('.')[1]?.length ?? 0;
  const unit = Decimal.ofScaled(1, Math.max(decimals, 2));
  const tolerance = unit.times(HALF).times(size.abs());
  return tolerance.compare(HALF_A_CENT) < 0 ? HALF_A_CENT : tolerance;
}

/** Premium that came with shares, per unit of them, by the group of the delivery: paid positive, received negative. */
function premiumsOf(
  ledger: readonly ActivityRevision[],
  lots: readonly StoredLot[],
): ReadonlyMap<string, Decimal> {
  const rolled = lots.filter((lot) => !lot.rolled.isZero() && !lot.openQuantity.isZero());
  if (rolled.length === 0) return new Map();
  const groups = new Map(ledger.map((row) => [row.rootId, row.groupId]));
  return new Map(
    rolled.flatMap((lot): [string, Decimal][] => {
      const group = groups.get(lot.activityRootId) ?? null;
      const units = lot.direction === 'short' ? lot.openQuantity.negate() : lot.openQuantity;
      return group === null ? [] : [[group, lot.rolled.dividedBy(units, PREMIUM_PLACES)]];
    }),
  );
}

const PREMIUM_PLACES = 10;
