/**
 * The ratio of a split whose terms nobody states. Its rows say what left and what came; where what came was cut to whole
 * units, and the rest will be paid in cash, that is not the ratio. Pure.
 */
import { Decimal } from '../domain/decimal.ts';
import { type Ratio } from './scaleLots.ts';

export interface ReadRatio {
  readonly ratio: Ratio;
  /** Read off what is likely, not off what is stated: everything that rests on it is an estimate. */
  readonly isLikely: boolean;
}

/** Terms up to this are those that companies choose between: 2:1, 3:2, 7:3. */
const SMALL_TERM = 10;
const TEN = Decimal.ofInteger(SMALL_TERM);

/**
 * From `olds` and `news` units (positive). Who keeps fractions cuts nothing, and one for n, n for one and small terms
 * are taken as they stand. Else (25 became 8) the one such ratio that leaves less than a unit over (1:3) is likely; where
 * several would, or none, what is stated stays.
 */
export function readRatio(olds: Decimal, news: Decimal): ReadRatio {
  const stated: Ratio = { news, olds };
  if (!isWhole(olds) || !isWhole(news) || isUsual(stated)) return { ratio: stated, isLikely: false };
  const [only, another] = usualBetween(stated);
  return { ratio: only === undefined || another !== undefined ? stated : only, isLikely: true };
}

function isWhole(value: Decimal): boolean {
  return value.round(0).equals(value);
}

function isUsual({ news, olds }: Ratio): boolean {
  if (isWhole(news.dividedBy(olds, EXACT)) || isWhole(olds.dividedBy(news, EXACT))) return true;
  return smallTerms().some((ratio) => news.times(ratio.olds).equals(olds.times(ratio.news)));
}

/** Enough to tell a whole quotient from one that is near it. */
const EXACT = 30;

/** Usual ratios that make more than `news` of `olds`, by less than a unit. */
function usualBetween({ news, olds }: Ratio): Ratio[] {
  const isCut = (ratio: Ratio): boolean => {
    const over = olds.times(ratio.news).minus(news.times(ratio.olds));
    return over.sign() > 0 && over.compare(ratio.olds) < 0;
  };
  const found: Ratio[] = smallTerms().filter(isCut);
  // One for n beyond the small terms: n below olds / news, at most so far that one unit more is not reached.
  const most = olds.dividedBy(news, 0, 'down');
  for (let n = most; n.compare(TEN) > 0; n = n.minus(Decimal.one)) {
    const ratio = { news: Decimal.one, olds: n };
    if (!isCut(ratio) || found.length > 1) break;
    found.push(ratio);
  }
  return found;
}

let known: readonly Ratio[] | null = null;

/** All ratios of small terms, each once. */
function smallTerms(): readonly Ratio[] {
  known ??= pairs()
    .filter(([news, olds]) => greatestDivisor(news, olds) === 1)
    .map(ratioOf);
  return known;
}

function pairs(): (readonly [number, number])[] {
  const terms = Array.from({ length: SMALL_TERM }, (_, index) => index + 1);
  return terms.flatMap((news) => terms.filter((olds) => olds !== news).map((olds) => [news, olds] as const));
}

function ratioOf([news, olds]: readonly [number, number]): Ratio {
  return { news: Decimal.ofInteger(news), olds: Decimal.ofInteger(olds) };
}

function greatestDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestDivisor(right, left % right);
}
