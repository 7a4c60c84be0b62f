/** Answers against labels. A confident wrong answer is the one thing that must never be. */
import { type FindingCause } from '../../src/domain/finding.ts';
import { type Answer, type Played } from './play.ts';
import { type Case, type Truth } from './stage.ts';

export interface Verdict {
  readonly isRight: boolean;
  /** Sure (certain or likely) of a cause that was none, at any time. */
  readonly confidentWrong: readonly string[];
  /** What kept it from being right. */
  readonly complaints: readonly string[];
  /** The answer to the first truth, for the matrix: while it is open and in the end. */
  readonly open: string;
  readonly end: string;
}

export function judge(one: Case, played: Played): Verdict {
  const confidentWrong = (['first', 'open', 'end'] as const).flatMap((time) =>
    played[time]
      .filter((answer) => isConfidentlyWrong(one, answer))
      .map((answer) => `${time}: ${said(answer)}`),
  );
  const complaints = [
    ...one.truths.flatMap((truth) => complaint(one, truth, played.open, 'open', truth.tellsWhileOpen) ?? []),
    ...one.truths.flatMap((truth) => complaint(one, truth, played.end, 'end', true) ?? []),
    ...surplus(one, played),
  ];
  if (!one.isUnknowable && one.published && !played.agrees)
    complaints.push('end: a difference is still open');
  return {
    isRight: confidentWrong.length === 0 && complaints.length === 0,
    confidentWrong,
    complaints,
    open: matrixCell(one.truths[0]!, played.open),
    end: matrixCell(one.truths[0]!, played.end),
  };
}

function isConfidentlyWrong(one: Case, { symbol, cause, confidence }: Answer): boolean {
  if (confidence === 'possible' || cause === 'unknown') return false;
  const causes = causesOn(one, symbol);
  return !causes.has(cause);
}

/** What truly happened to a symbol; money may move along with any of it. */
function causesOn(one: Case, symbol: string): ReadonlySet<FindingCause> {
  const own = one.truths.filter((truth) => truth.symbol === symbol);
  const causes = own.length > 0 || symbol !== 'USD' ? own : one.truths;
  return new Set(causes.map((truth) => truth.cause));
}

/** Why the answers do not tell a truth; null where they do. */
function complaint(
  one: Case,
  truth: Truth,
  answers: readonly Answer[],
  time: string,
  mustTell: boolean,
): string | null {
  const about = answers.filter((answer) => answer.symbol === truth.symbol);
  const found = about.some((answer) => answer.cause === truth.cause);
  const admits = about.every((answer) => answer.cause === 'unknown' || answer.confidence === 'possible');
  if (truth.cause === 'unknown' ? admits && about.length > 0 : found) return null;
  const causes = causesOn(one, truth.symbol);
  if (
    one.inseparable === true &&
    admits &&
    about.every(({ cause }) => cause === 'unknown' || causes.has(cause))
  )
    return null;
  if (!mustTell && admits) return null;
  return `${time}: ${truth.symbol} is ${truth.cause}, not ${about.map(said).join(', ') || 'nothing'}`;
}

/** More findings than things that happened: what belongs together was not seen to. */
function surplus(one: Case, { end }: Played): readonly string[] {
  if (one.isUnknowable) return [];
  const symbols = new Set(one.truths.map((truth) => truth.symbol));
  for (const symbol of one.besides ?? []) symbols.add(symbol);
  const others = end.filter((answer) => !symbols.has(answer.symbol));
  const isAlone = symbols.size === 1 && one.truths.length === 1 && end.length > 1;
  return others.length > 0 || isAlone
    ? [`end: ${end.length} findings for ${one.truths.length}: ${end.map(said).join(', ')}`]
    : [];
}

/** The answer about a symbol as the matrix shows it: with a question mark where it is merely possible. */
function matrixCell(truth: Truth, answers: readonly Answer[]): string {
  const about = answers.filter((answer) => answer.symbol === truth.symbol);
  const answer = about.find((row) => row.cause === truth.cause) ?? about[0];
  if (answer === undefined) return 'nothing';
  if (answer.cause === 'unknown') return 'unknown';
  return `${answer.cause}${answer.confidence === 'possible' ? '?' : ''}`;
}

function said({ symbol, cause, confidence, state }: Answer): string {
  return `${symbol} ${cause} ${confidence} (${state})`;
}
