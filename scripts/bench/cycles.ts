/** What a run costs, by size of the account and by what changed. */
import { type Figure, type Tell } from './figures.ts';
import { openBrokerage, SATURDAY, THURSDAY, type Brokerage } from './brokerage.ts';
import { bareCycleMs } from './floor.ts';
import { median, openMeter, type Cost, type Meter } from './meter.ts';

export interface CycleSizes {
  readonly small: number;
  readonly large: number;
  /** Measured runs of the small account, and of the large one. */
  readonly smallRuns: number;
  readonly largeRuns: number;
}

/** Runs of a full trial before the measured ones: the code is compiled by then, as in a program that ran for a day. */
const WARM_UP = 288;

type Database = NonNullable<Figure['database']>;

interface Limits {
  readonly marks: number;
  readonly trades: number;
}

const LIMITS: Readonly<Record<Database, Limits>> = {
  sqlite: { marks: 250, trades: 1_500 },
  postgres: { marks: 600, trades: 3_000 },
};

/** `urlOf` answers the address of an empty database; `fsyncMs` is the median of the machine, for ratios. */
export async function measureCycles(
  database: Database,
  urlOf: (brokerage: Brokerage) => Promise<string>,
  sizes: CycleSizes,
  fsyncMs: number,
  tell: Tell,
): Promise<void> {
  const told = teller(database, tell);
  const { bareMs, runs: small } = await measureSmall(urlOf, sizes);
  const perSmall = costs(small, 'ownMs') / sizes.small;
  told(
    `own cost, ${sizes.small} unchanged positions`,
    costs(small, 'ownMs'),
    'ms',
    sizes.small === 23 ? 5 : null,
  );
  told('the same answers and as many rows, without Truebook (SQLite)', bareMs, 'ms');
  told(`own cost / without Truebook, ${sizes.small} unchanged`, costs(small, 'ownMs') / bareMs, 'ratio');
  told(`CPU, ${sizes.small} unchanged positions`, costs(small, 'cpuMs'), 'ms');
  told('commit of an unchanged cycle', costs(small, 'commitMs'), 'ms');
  told('commit / fsync', costs(small, 'commitMs') / fsyncMs, 'ratio');
  told(
    'statements in an unchanged cycle (BEGIN and COMMIT counted)',
    costs(small, 'statements'),
    'statements',
    10,
  );
  told('rows written in an unchanged cycle', costs(small, 'rowsWritten'), 'rows', 16);
  told(`requests, alpaca, ${sizes.small} positions`, costs(small, 'requests'), 'requests');
  told(`bytes sent, alpaca, ${sizes.small} positions`, costs(small, 'bytesSent'), 'bytes');
  told(`bytes received, alpaca, ${sizes.small} positions`, costs(small, 'bytesReceived'), 'bytes');

  await using brokerage = await openBrokerage(sizes.large, THURSDAY);
  await using meter = await openMeter(brokerage, await urlOf(brokerage));
  const isFull = sizes.large === 10_000;
  await warmUp(brokerage, meter, '4m', 3);
  const marks = await repeat(brokerage, meter, '4m', sizes.largeRuns);
  check(marks, (cost) => cost.rowsWritten > sizes.large / 2, 'no new marks');
  told(
    `own cost, ${sizes.large} new marks`,
    costs(marks, 'ownMs'),
    'ms',
    isFull ? LIMITS[database].marks : null,
  );

  await brokerage.advance(SATURDAY);
  await warmUp(brokerage, meter, '5m', 3);
  const same = await repeat(brokerage, meter, '5m', sizes.largeRuns);
  told(`own cost, ${sizes.large} unchanged`, costs(same, 'ownMs'), 'ms', isFull ? 120 : null);
  told(`rows written, ${sizes.large} unchanged`, costs(same, 'rowsWritten'), 'rows', 16);
  told(`statements, ${sizes.large} unchanged`, costs(same, 'statements'), 'statements', 10);
  told(`bytes received, alpaca, ${sizes.large} positions`, costs(same, 'bytesReceived'), 'bytes');
  const perLarge = costs(same, 'ownMs') / sizes.large;
  told(`own cost per position, ${sizes.small}`, perSmall * 1_000, 'us/position');
  told(`own cost per position, ${sizes.large}`, perLarge * 1_000, 'us/position');
  told('own cost per position, large / small', perLarge / perSmall, 'ratio');

  const trades: Cost[] = [];
  for (const day of TRADING_DAYS) {
    await brokerage.advance(day);
    await meter.run();
    await brokerage.advance('5m');
    await brokerage.tradeAll('3');
    trades.push(await meter.run());
  }
  check(
    trades,
    (cost) => cost.newActivities === sizes.large && cost.updated === sizes.large,
    'a fill is missing',
  );
  const aim = isFull ? LIMITS[database].trades : null;
  told(`own cost, ${sizes.large} quantity changes with their fills`, costs(trades, 'ownMs'), 'ms', aim, true);
}

/** So far apart that the fills of one lie outside the window of the next. */
const TRADING_DAYS = ['2025-09-04T16:00:00Z', '2025-09-18T16:00:00Z', '2025-10-02T16:00:00Z'];

async function measureSmall(
  urlOf: (brokerage: Brokerage) => Promise<string>,
  sizes: CycleSizes,
): Promise<{ readonly bareMs: number; readonly runs: readonly Cost[] }> {
  await using brokerage = await openBrokerage(sizes.small, SATURDAY);
  await using meter = await openMeter(brokerage, await urlOf(brokerage));
  // One minute apart: a trading day begins within neither the warm-up nor the measured runs.
  await warmUp(brokerage, meter, '1m', sizes.small === 23 ? WARM_UP : sizes.smallRuns);
  const runs = await repeat(brokerage, meter, '1m', sizes.smallRuns);
  return { bareMs: await bareCycleMs(brokerage, sizes.smallRuns), runs };
}

async function warmUp(brokerage: Brokerage, meter: Meter, by: string, times: number): Promise<void> {
  await repeat(brokerage, meter, by, times);
}

async function repeat(
  brokerage: Brokerage,
  meter: Meter,
  by: string,
  times: number,
): Promise<readonly Cost[]> {
  const found: Cost[] = [];
  for (let run = 0; run < times; run += 1) {
    await brokerage.advance(by);
    found.push(await meter.run());
  }
  return found;
}

function costs(runs: readonly Cost[], part: keyof Cost): number {
  return median(runs.map((run) => run[part]));
}

/** A measurement of something that did not happen is worth nothing. */
function check(runs: readonly Cost[], happened: (cost: Cost) => boolean, otherwise: string): void {
  if (!runs.every(happened)) throw new Error(`The bench measured something else: ${otherwise}.`);
}

function teller(database: Database, tell: Tell) {
  return (
    name: string,
    value: number,
    unit: Figure['unit'],
    limit: number | null = null,
    isAim = false,
  ): void => tell({ name, database, value, unit, limit, isAim });
}
