/** Compares what a vector expects with what the engine makes of it. */
import { Decimal } from '../../src/domain/decimal.ts';
import {
  closesOf,
  type Close,
  cycles,
  FIGURES,
  openingOf,
  openOf,
  type Pair,
  perClose,
  perUnit,
  sum,
  symbolOf,
  transactionOf,
  unitsOf,
} from './figures.ts';
import { checkForm, type Expected, Unsupported, type Vector } from './format.ts';
import { play, type Played } from './play.ts';
import { number } from './translate.ts';
import { symbolOfPiece, washOf } from './washRows.ts';

export type Outcome = 'passed' | 'failed' | 'differs';

export interface Verdict {
  readonly id: string;
  readonly outcome: Outcome;
  /** `realized_pnl: expected 12, actual 11.5`; of a vector that differs also the flag that allows it. */
  readonly problems: readonly string[];
}

/** Flags of vectors whose expectation is not ours: another country's law, a peer's own choice. */
const OTHERS_RULES = [
  'UK_rules_not_for_a_US_broker_book',
  'peer_disagreement:',
  'missing_opening_fill_replaced',
];

/** Plays a vector and compares; what is none (null, a text, a list) fails like one that does not agree. */
export function checkVector(given: unknown): Verdict {
  const id = idOf(given);
  try {
    checkForm(given);
    const vector = given as Vector;
    const problems = problemsOf(vector);
    if (problems.length === 0) return { id, outcome: 'passed', problems };
    const flag = vector.flags?.find((one) => OTHERS_RULES.some((begin) => one.startsWith(begin)));
    if (flag === undefined) return { id, outcome: 'failed', problems };
    return { id, outcome: 'differs', problems: [...problems, `allowed by the flag ${flag}`] };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const problem = error instanceof Unsupported ? error.message : `the engine failed: ${error.message}`;
    return { id, outcome: 'failed', problems: [problem] };
  }
}

function idOf(given: unknown): string {
  const { id } = (given ?? {}) as { readonly id?: unknown };
  return typeof id === 'string' ? id : '(without an id)';
}

function problemsOf(vector: Vector): readonly string[] {
  const states = play(vector);
  const played = states.at(-1)!;
  const apart = play(vector, 'excluded', played);
  const inBasis = (): Played => play(vector, 'in_basis', played).at(-1)!;
  const pair: Pair = { played, apart: apart.at(-1)!, inBasis };
  const checks = new Checks(vector);
  const { expected } = vector;
  checks.text('error', expected.error ?? null, pair.played.error);
  for (const [name, figure] of Object.entries(FIGURES)) {
    if (name in expected) checks.number(name, expected[name], () => figure(pair));
  }
  for (const name of Object.keys(LISTS)) {
    if (name in expected) LISTS[name]!(checks, expected, pair);
  }
  for (const { i, ...figures } of expected.after ?? []) {
    const index = states.findIndex((state) => state.done.at(-1)?.i === i);
    const then: Pair = { played: states[index]!, apart: apart[index]!, inBasis };
    for (const [name, value] of Object.entries(figures)) {
      checks.number(`after ${i}: ${name}`, value, () => FIGURES[name]!(then));
    }
  }
  return checks.problems;
}

// ---- comparing ----------------------------------------------------------------------------------------------------

/** Digits behind the point from which on a figure without a tolerance counts as cut. */
const CUT_FROM = 8;

class Checks {
  readonly problems: string[] = [];
  readonly tolerance: Decimal | null;

  constructor({ tolerance }: Vector) {
    this.tolerance = tolerance === undefined ? null : number(tolerance);
  }

  text(name: string, expected: string | null, actual: string | null): void {
    if (expected !== actual) this.tell(name, expected, actual);
  }

  number(name: string, expected: unknown, figure: () => Decimal | null): void {
    const actual = figure();
    if (!this.agrees(expected, actual)) this.tell(name, expected, actual);
  }

  /** Whether a figure is the expected one, within the vector's tolerance; null must be null. */
  agrees(expected: unknown, actual: Decimal | null): boolean {
    if (expected === null || actual === null) return expected === actual;
    const wanted = Decimal.parse(String(expected as string | number));
    return (
      wanted
        .minus(actual)
        .abs()
        .compare(this.tolerance ?? cutOff(String(expected as string))) <= 0
    );
  }

  numbers(name: string, expected: readonly unknown[], actual: readonly (Decimal | null)[]): void {
    const agree =
      expected.length === actual.length && expected.every((value, at) => this.agrees(value, actual[at]!));
    if (!agree) this.tell(name, expected, actual);
  }

  /** Lists of rows; `inOrder` false: any order. */
  rows<Row>(name: string, expected: readonly Row[], actual: readonly object[], inOrder: boolean): void {
    const left = [...actual];
    const agree =
      expected.length === left.length &&
      expected.every((row) => {
        const at = inOrder ? 0 : left.findIndex((candidate) => this.sameRow(row, candidate));
        const found = at >= 0 && this.sameRow(row, left[at]!);
        if (found) left.splice(at, 1);
        return found;
      });
    if (!agree) this.tell(name, expected, actual);
  }

  /** Only the fields the expectation has. */
  sameRow(expected: unknown, actual: object): boolean {
    return Object.entries(expected as object).every(([field, value]) => {
      const other = (actual as Record<string, unknown>)[field];
      // A unit cost the source does not state is not compared: its pool has one, its lots have none.
      if (field === 'unit_cost' && value === null) return true;
      return other instanceof Decimal ? this.agrees(value, other) : other === value;
    });
  }

  tell(name: string, expected: unknown, actual: unknown): void {
    const [wanted, found] = [show(expected), show(actual)];
    // What differs only behind the digits that are shown is shown with all of them.
    const whole = wanted === found && actual instanceof Decimal ? actual.toString() : found;
    this.problems.push(`${name}: expected ${wanted}, actual ${whole}`);
  }
}

function cutOff(text: string): Decimal {
  const digits = (text.split('.')[1] ?? '').length;
  return digits < CUT_FROM ? Decimal.zero : Decimal.one.dividedBy(number(`1e${digits}`), digits);
}

function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (value instanceof Decimal) return shown(value);
  if (typeof value !== 'object') return String(value as string);
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'string' && /^-?\d+\.\d{19,}$/.test(inner) ? shown(number(inner)) : inner,
  );
}

function shown(value: Decimal): string {
  return value.round(18).toString();
}

// ---- lists --------------------------------------------------------------------------------------------------------

type Check = (checks: Checks, expected: Expected, pair: Pair) => void;

const LISTS: Readonly<Record<string, Check>> = {
  close_realized: (checks, expected, { played }) =>
    checks.numbers(
      'close_realized',
      expected['close_realized'] as string[],
      perClose(played, ({ realized }) => realized),
    ),
  close_costs: (checks, expected, { played }) =>
    checks.numbers(
      'close_costs',
      expected['close_costs'] as string[],
      perClose(played, ({ cost }) => cost),
    ),
  cycles: (checks, expected, { played }) =>
    checks.numbers('cycles', expected['cycles'] as string[], cycles(played)),
  unrealized: (checks, expected, { played }) => {
    const { mark, pnl } = expected['unrealized'] as { mark: string; pnl: string };
    checks.number('unrealized', pnl, () => unrealized(played, number(mark)));
  },
  total_pnl: (checks, expected, pair) => {
    const { mark } = expected['unrealized'] as { mark: string };
    const total = sum([FIGURES['realized_pnl']!(pair), unrealized(pair.played, number(mark))]);
    checks.number('total_pnl', expected['total_pnl'], () => total);
  },
  realized_by_term: (checks, expected, { played }) =>
    byTerm(checks, expected, 'realized_by_term', played, ({ realized }) => realized),
  cost_by_term: (checks, expected, { played }) =>
    byTerm(checks, expected, 'cost_by_term', played, ({ cost }) => cost),
  qty_by_term: (checks, expected, { played }) =>
    byTerm(checks, expected, 'qty_by_term', played, ({ row }) => row.quantity),
  symbols: (checks, expected, { played }) => symbols(checks, expected, played),
  matches: (checks, expected, { played }) => matchesAgree(checks, expected, played),
  lots: (checks, expected, { played }) => lots(checks, expected, played),
  closes: (checks, expected, { played, apart }) =>
    checks.rows('closes', expected.closes!, closes(played, apart), true),
  pieces: (checks, expected, { played }) => checks.rows('pieces', expected.pieces!, pieces(played), true),
  summary: (checks, expected, { played }) =>
    checks.rows('summary', expected.summary!, summary(played), false),
  wash: (checks, expected, { played }) => wash(checks, expected, played),
};

function unrealized(played: Played, mark: Decimal): Decimal | null {
  return sum(
    openOf(played).map(({ lot, cost }) => {
      if (cost === null) return null;
      const multiplier = played.instruments.get(lot.instrument)!.multiplier;
      const value = mark.times(lot.openQuantity).times(multiplier);
      return lot.direction === 'long' ? value.minus(cost) : cost.minus(value);
    }),
  );
}

function byTerm(
  checks: Checks,
  expected: Expected,
  name: string,
  played: Played,
  of: (close: Close) => Decimal | null,
): void {
  for (const [term, value] of Object.entries(expected[name] as Record<string, string>)) {
    const own = closesOf(played).filter(({ row }) => row.term?.toUpperCase() === term);
    checks.number(`${name} ${term}`, value, () => sum(own.map(of)));
  }
}

function symbols(checks: Checks, expected: Expected, played: Played): void {
  for (const [symbol, { qty, basis }] of Object.entries(expected.symbols!)) {
    const own = openOf(played).filter(({ lot }) => symbolOf(played, lot) === symbol);
    if (qty !== undefined)
      checks.number(`symbols ${symbol} qty`, qty, () => Decimal.sum(own.map(({ lot }) => unitsOf(lot))));
    if (basis !== undefined)
      checks.number(`symbols ${symbol} basis`, basis, () => sum(own.map(({ cost }) => cost)));
  }
}

/** What one sale took out of a pool is one match, whatever lots its units left. */
function matchesAgree(checks: Checks, expected: Expected, played: Played): void {
  const wanted = expected.matches!;
  const actual = matches(played);
  const pooled = merged(actual, ({ by, unit_cost: cost }) => [by, cost?.toString()]);
  const trial = new Checks(played.vector);
  if (played.vector.method === 'AVERAGE') trial.rows('matches', wanted, pooled, true);
  if (played.vector.method === 'AVERAGE' && trial.problems.length === 0) return;
  checks.rows('matches', wanted, actual, true);
}

function matches(played: Played) {
  return closesOf(played)
    .filter(({ row }) => row.kind !== 'fee' && row.kind !== 'transfer_out')
    .map((close) => ({
      by: close.row.activityRootId,
      symbol: symbolOf(played, close.row),
      lot: openingOf(played, close)?.lot,
      qty: close.row.quantity,
      // What the lot was opened at: paid for a long one, received for a short one.
      unit_cost: perUnit(
        played,
        close.row.instrument,
        close.row.direction === 'long' ? close.cost : close.proceeds,
        close.row.quantity,
      ),
      date: close.row.acquiredDate as string,
    }));
}

/** As they are, or lots that cannot be told apart as one, or what carries one average as the pool it is. */
function lots(checks: Checks, expected: Expected, played: Played): void {
  const actual = openOf(played).map(({ lot, account, cost }) => ({
    symbol: symbolOf(played, lot),
    qty: unitsOf(lot),
    unit_cost: perUnit(played, lot.instrument, cost, lot.openQuantity),
    date: lot.acquiredDate as string,
    account: played.vector.scope === 'global' ? transactionOf(played, lot.activityRootId)?.account : account,
  }));
  const wanted = expected.lots!;
  const alike = merged(actual, (lot) => [lot.symbol, lot.account, lot.unit_cost?.toString(), lot.date]);
  const pooled = merged(actual, (lot) => [lot.symbol, lot.account, lot.unit_cost?.toString()]);
  const readings = played.vector.method === 'AVERAGE' ? [actual, alike, pooled] : [actual, alike];
  for (const reading of readings) {
    const trial = new Checks(played.vector);
    trial.rows('lots', wanted, reading, false);
    if (trial.problems.length === 0) return;
  }
  checks.tell('lots', wanted, actual);
}

function merged<Row extends { readonly qty: Decimal; readonly date: string }>(
  rows: readonly Row[],
  keyOf: (row: Row) => unknown[],
): Row[] {
  const groups = new Map<string, Row>();
  for (const row of rows) {
    const key = JSON.stringify(keyOf(row));
    const before = groups.get(key);
    const date = before === undefined || row.date < before.date ? row.date : before.date;
    groups.set(key, before === undefined ? row : { ...before, qty: before.qty.plus(row.qty), date });
  }
  return [...groups.values()];
}

/** Prices come from the fold with fees apart, fees and profit from the vector's own. */
function closes(played: Played, apart: Played): object[] {
  const prices = new Map(closesOf(apart).map((close) => [close.row.id, close]));
  return closesOf(played)
    .filter(({ row }) => row.kind !== 'fee')
    .map(({ row, realized }) => {
      const bare = prices.get(row.id)!;
      const cost = perUnit(played, row.instrument, bare.cost, row.quantity);
      const proceeds = perUnit(played, row.instrument, bare.proceeds, row.quantity);
      const [entry, exit] = row.direction === 'long' ? [cost, proceeds] : [proceeds, cost];
      return { entry, exit, qty: row.quantity, direction: row.direction, realized, fees: row.fees };
    });
}

function pieces(played: Played): object[] {
  return closesOf(played)
    .filter(({ row }) => row.kind !== 'fee')
    .map((close) => {
      const closing = transactionOf(played, close.row.activityRootId);
      return {
        ts: closing?.ts,
        kind: closing?.kind ?? closing?.type,
        qty: close.row.quantity,
        realized: close.realized,
        term: close.row.term?.toUpperCase(),
        lot_ts: openingOf(played, close)?.ts,
      };
    });
}

function summary(played: Played): object[] {
  const groups = new Map<string, Close[]>();
  for (const close of closesOf(played)) {
    const closing = transactionOf(played, close.row.activityRootId);
    const key = [
      close.row.closedDate.slice(0, 4),
      closing?.kind ?? closing?.type,
      close.row.term?.toUpperCase(),
    ];
    const text = JSON.stringify(key);
    groups.set(text, [...(groups.get(text) ?? []), close]);
  }
  return [...groups].map(([key, own]) => {
    const [year, kind, term] = JSON.parse(key) as string[];
    return {
      year,
      kind,
      term,
      qty: Decimal.sum(own.map(({ row }) => row.quantity)),
      realized: sum(own.map(({ realized }) => realized)),
      proceeds: sum(own.map(({ proceeds }) => proceeds)),
      cost: sum(own.map(({ cost }) => cost)),
    };
  });
}

function wash(checks: Checks, expected: Expected, played: Played): void {
  const { rows, disallowed_total: total, permanently_lost: lost } = expected.wash!;
  const result = washOf(played);
  const { check_symbol: symbol } = played.vector;
  const own = result.pieces.filter(
    (piece) => symbol === undefined || symbolOfPiece(played, piece) === symbol,
  );
  const actual = own.map((piece) => ({
    qty: piece.quantity,
    holding_start: piece.holdingFrom as string,
    adjusted_basis: piece.adjustedBasis,
    sell_date: piece.closedDate,
    proceeds: piece.proceeds,
    code: piece.code,
    disallowed: piece.disallowed,
    is_replacement: piece.isReplacement,
  }));
  checks.rows('wash.rows', rows, actual, false);
  const disallowed = Decimal.sum(result.adjustments.map((adjustment) => adjustment.disallowed));
  const gone = Decimal.sum(result.adjustments.map((adjustment) => adjustment.permanentlyLost));
  if (total !== undefined) checks.number('wash.disallowed_total', total, () => disallowed);
  if (lost !== undefined) checks.number('wash.permanently_lost', lost, () => gone);
}
