/**
 * Exact decimal numbers: every quantity, price and amount of money in Truebook.
 *
 * A `Decimal` is an integer and a scale (`digits / 10^scale`), so sums and products never round and never
 * overflow. Text is the only way in and the only way out: no JavaScript `number` may carry money, because
 * `0.1 + 0.2` is not `0.3` there and digits beyond the 17th are lost silently.
 */
import { TruebookError } from './errors.ts';

/** What may be asked of rounding. `half-even` is the rule of the book (design section 5, "Decimals"). */
export type Rounding = 'half-even' | 'down';

/** Digits a text may have before or after the point, and the largest exponent: a limit against hostile input. */
const DIGITS_MAX = 4096;

/** `-12`, `12.50`, `.5`, `5.`, `1e-8`: what brokers and people write. No thousands separators, no spaces inside. */
const DECIMAL_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/;

/** How many digits beyond those asked for an exact share may have, and beyond those of its factors. */
const MORE_PLACES = 24;
const FEW_PLACES = 4;

/** Whether a share that ends is given with all of its digits, though they are more than were asked for. */
export type Ending = 'exact' | 'rounded';

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const MIN_SAFE = -MAX_SAFE;
const NINE_ZEROS = 1_000_000_000n;
/** Powers of ten that are exact in a JavaScript number. */
const SAFE_POWERS = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

/** Whether a result of whole numbers is exact: beyond the safe integers a sum or product may have been rounded. */
function isSafe(value: number): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER;
}

export class Decimal {
  /**
   * A whole number, exact in either form: a JavaScript number where it is a safe integer (nearly always, and three
   * times as fast), else a bigint. Never both forms of one value, so equal values have equal digits.
   */
  readonly #digits: number | bigint;
  readonly #scale: number;

  /** Of parts in normal form: no trailing zero behind the point, a number wherever it is safe, no negative zero. */
  private constructor(digits: number | bigint, scale: number) {
    this.#digits = digits;
    this.#scale = scale;
  }

  /** Equal values get equal parts. */
  static #of(digits: number | bigint, scale: number): Decimal {
    if (typeof digits === 'bigint') return Decimal.#ofBig(digits, scale);
    if (digits === 0) return Decimal.zero;
    while (scale > 0 && digits % 10 === 0) {
      digits /= 10;
      scale -= 1;
    }
    return new Decimal(digits, scale);
  }

  static #ofBig(digits: bigint, scale: number): Decimal {
    while (scale >= 9 && digits % NINE_ZEROS === 0n) {
      if (digits === 0n) return Decimal.zero;
      digits /= NINE_ZEROS;
      scale -= 9;
    }
    if (digits <= MAX_SAFE && digits >= MIN_SAFE) return Decimal.#of(Number(digits), scale);
    while (scale > 0 && digits % 10n === 0n) {
      digits /= 10n;
      scale -= 1;
    }
    if (digits <= MAX_SAFE && digits >= MIN_SAFE) return new Decimal(Number(digits), scale);
    return new Decimal(digits, scale);
  }

  static readonly zero = new Decimal(0, 0);
  static readonly one = new Decimal(1, 0);

  /**
   * Reads decimal text. Throws `TruebookError('bad_decimal')` on anything else: empty text, `NaN`, `Infinity`,
   * separators, or more than 4096 digits. A JavaScript number is refused by the type.
   */
  static parse(text: string): Decimal {
    const value = Decimal.tryParse(text);
    if (value === null) throw notADecimal(text);
    return value;
  }

  /** As `parse`, but answers null instead of throwing. */
  static tryParse(text: string): Decimal | null {
    return parseShort(text) ?? Decimal.#parseAny(text);
  }

  /** Made of a whole number and the place of its point; for `parseShort`, which knows no private constructor. */
  static ofScaled(digits: number, scale: number): Decimal {
    if (digits === 0) return Decimal.zero;
    return Decimal.#of(digits, scale);
  }

  static #parseAny(text: string): Decimal | null {
    if (text.length > 2 * DIGITS_MAX) return null;
    const match = DECIMAL_TEXT.exec(text.trim());
    if (match === null) return null;
    const [, sign, whole = '', fraction = '', exponentText] = match;
    if (whole === '' && fraction === '') return null;
    const exponent = exponentText === undefined ? 0 : Number.parseInt(exponentText, 10);
    if (Math.abs(exponent) > DIGITS_MAX) return null;
    const magnitude = BigInt(whole + fraction);
    const scale = fraction.length - exponent;
    const digits = sign === '-' ? -magnitude : magnitude;
    return scale >= 0 ? Decimal.#of(digits, scale) : Decimal.#of(digits * pow10(-scale), 0);
  }

  /** An exact whole number, for counts and multipliers. */
  static ofInteger(value: bigint | number): Decimal {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw notADecimal(String(value));
    return Decimal.#of(value, 0);
  }

  static sum(values: Iterable<Decimal>): Decimal {
    let total = Decimal.zero;
    for (const value of values) total = total.plus(value);
    return total;
  }

  plus(other: Decimal): Decimal {
    const scale = this.#scale > other.#scale ? this.#scale : other.#scale;
    const [left, right] = [this.#at(scale), other.#at(scale)];
    if (typeof left === 'number' && typeof right === 'number') {
      const sum = left + right;
      if (isSafe(sum)) return Decimal.#of(sum, scale);
    }
    return Decimal.#of(BigInt(left) + BigInt(right), scale);
  }

  minus(other: Decimal): Decimal {
    const scale = this.#scale > other.#scale ? this.#scale : other.#scale;
    const [left, right] = [this.#at(scale), other.#at(scale)];
    if (typeof left === 'number' && typeof right === 'number') {
      const difference = left - right;
      if (isSafe(difference)) return Decimal.#of(difference, scale);
    }
    return Decimal.#of(BigInt(left) - BigInt(right), scale);
  }

  times(other: Decimal): Decimal {
    const [left, right] = [this.#digits, other.#digits];
    const scale = this.#scale + other.#scale;
    if (typeof left === 'number' && typeof right === 'number') {
      // A product that is no safe integer is not exact here, and is seen to be none.
      const product = left * right;
      if (isSafe(product)) return Decimal.#of(product, scale);
    }
    return Decimal.#of(BigInt(left) * BigInt(right), scale);
  }

  /** Quotient rounded to `places` digits behind the point. Throws `division_by_zero`. */
  dividedBy(other: Decimal, places: number, rounding: Rounding = 'half-even'): Decimal {
    if (other.isZero()) {
      throw new TruebookError('division_by_zero', 'A division by zero was asked for.', {
        hint: 'This is a fault of Truebook: report it with the command that was run.',
      });
    }
    const [left, right] = [this.#digits, other.#digits];
    const scale = this.#scale - other.#scale;
    if (typeof left === 'number' && typeof right === 'number' && left % right === 0 && scale >= 0) {
      if (scale <= places) return Decimal.#of(left / right, scale);
    }
    // digits/10^scale ÷ other.digits/10^other.scale, scaled so that one extra integer division decides the rounding.
    const shift = places - scale;
    const numerator = shift >= 0 ? BigInt(left) * pow10(shift) : BigInt(left);
    const denominator = shift >= 0 ? BigInt(right) : BigInt(right) * pow10(-shift);
    return Decimal.#of(divideRounded(numerator, denominator, rounding), places);
  }

  /**
   * The share of `part` in `whole`: this times `part` by `whole`. Exact where the quotient ends about where the digits of both
   * factors do (the cost of some units at a price that ends) unless `ending` says otherwise, else rounded half-even to
   * `places` digits behind the point once, at the end. Throws `division_by_zero`.
   */
  share(part: Decimal, whole: Decimal, places: number, ending: Ending = 'exact'): Decimal {
    const [left, right, divisor] = [this.#digits, part.#digits, whole.#digits];
    const scale = this.#scale + part.#scale - whole.#scale;
    if (typeof left === 'number' && typeof right === 'number' && typeof divisor === 'number') {
      const product = left * right;
      const isWhole =
        divisor !== 0 && scale >= 0 && scale <= places && isSafe(product) && product % divisor === 0;
      if (isWhole) return Decimal.#of(product / divisor, scale);
    }
    if (divisor === 0) return this.dividedBy(whole, places);
    const shift = places - scale;
    const product = BigInt(left) * BigInt(right);
    const numerator = shift >= 0 ? product * pow10(shift) : product;
    const denominator = shift >= 0 ? BigInt(divisor) : BigInt(divisor) * pow10(-shift);
    const more = this.#scale + part.#scale + FEW_PLACES - places;
    if (ending === 'exact' && more > 0 && more <= MORE_PLACES) {
      const longer = numerator * pow10(more);
      if (longer % denominator === 0n) return Decimal.#of(longer / denominator, places + more);
    }
    return Decimal.#of(divideRounded(numerator, denominator, 'half-even'), places);
  }

  /** The value with at most `places` digits behind the point. */
  round(places: number, rounding: Rounding = 'half-even'): Decimal {
    if (this.#scale <= places) return this;
    return Decimal.#of(divideRounded(BigInt(this.#digits), pow10(this.#scale - places), rounding), places);
  }

  negate(): Decimal {
    return this.#digits === 0 ? this : new Decimal(-this.#digits, this.#scale);
  }

  abs(): Decimal {
    return this.#digits < 0 ? this.negate() : this;
  }

  /** -1, 0 or 1. */
  sign(): -1 | 0 | 1 {
    return this.#digits < 0 ? -1 : this.#digits > 0 ? 1 : 0;
  }

  isZero(): boolean {
    return this.#digits === 0;
  }

  /** -1, 0 or 1: as `Array.sort` wants it. */
  compare(other: Decimal): -1 | 0 | 1 {
    const scale = this.#scale > other.#scale ? this.#scale : other.#scale;
    const [left, right] = [this.#at(scale), other.#at(scale)];
    return left < right ? -1 : left > right ? 1 : 0;
  }

  equals(other: Decimal): boolean {
    return this.#scale === other.#scale && this.#digits === other.#digits;
  }

  /** Canonical text: no exponent, no plus sign, no leading or trailing zeros, never `-0`. */
  toString(): string {
    if (this.#scale === 0) return this.#digits.toString();
    const negative = this.#digits < 0;
    const text = (negative ? -this.#digits : this.#digits).toString().padStart(this.#scale + 1, '0');
    const point = text.length - this.#scale;
    return `${negative ? '-' : ''}${text.slice(0, point)}.${text.slice(point)}`;
  }

  /** Text with exactly `places` digits behind the point, rounded half-even: for people, never for storage. */
  toFixed(places: number): string {
    const rounded = this.round(places);
    const text = rounded.toString();
    if (places === 0) return text;
    const [whole = '0', fraction = ''] = text.split('.');
    return `${whole}.${fraction.padEnd(places, '0')}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** The digits with the point moved to `scale`, which is not smaller than its own. */
  #at(scale: number): number | bigint {
    const by = scale - this.#scale;
    const digits = this.#digits;
    if (by === 0) return digits;
    if (typeof digits === 'number' && by < SAFE_POWERS.length) {
      const lifted = digits * SAFE_POWERS[by]!;
      if (isSafe(lifted)) return lifted;
    }
    return BigInt(digits) * pow10(by);
  }
}

const [ZERO, NINE, POINT, MINUS] = [48, 57, 46, 45];

/**
 * What brokers send nearly always, read without a pattern: `-12.50`, at most fifteen digits, so that the digits are a
 * whole number that JavaScript keeps exactly. Null for everything else.
 */
function parseShort(text: string): Decimal | null {
  const { length } = text;
  const negative = text.charCodeAt(0) === MINUS;
  const start = negative ? 1 : 0;
  if (length - start > 16 || length === start) return null;
  let digits = 0;
  let counted = 0;
  let pointAt = -1;
  for (let place = start; place < length; place += 1) {
    const code = text.charCodeAt(place);
    if (code >= ZERO && code <= NINE) {
      digits = digits * 10 + (code - ZERO);
      counted += 1;
    } else if (code === POINT && pointAt === -1) pointAt = place;
    else return null;
  }
  if (counted === 0 || counted > 15) return null;
  let scale = pointAt === -1 ? 0 : length - 1 - pointAt;
  while (scale > 0 && digits % 10 === 0) {
    digits /= 10;
    scale -= 1;
  }
  return Decimal.ofScaled(negative ? -digits : digits, scale);
}

/** Short form of `Decimal.parse`, for constants and tests. */
export function decimal(text: string): Decimal {
  return Decimal.parse(text);
}

const POWERS: bigint[] = [1n];

function pow10(exponent: number): bigint {
  if (exponent > 64) return 10n ** BigInt(exponent);
  for (let next = POWERS.length; next <= exponent; next += 1) POWERS.push(POWERS[next - 1]! * 10n);
  return POWERS[exponent]!;
}

function divideRounded(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  if (denominator < 0n) {
    numerator = -numerator;
    denominator = -denominator;
  }
  const quotient = numerator / denominator; // BigInt division cuts toward zero
  if (rounding === 'down') return quotient;
  const remainder = numerator - quotient * denominator;
  if (remainder === 0n) return quotient;
  const twice = remainder < 0n ? -(remainder + remainder) : remainder + remainder;
  const away = numerator < 0n ? -1n : 1n;
  if (twice > denominator) return quotient + away;
  if (twice === denominator && quotient % 2n !== 0n) return quotient + away;
  return quotient;
}

function notADecimal(text: string): TruebookError {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return new TruebookError('bad_decimal', `"${shown}" is not a decimal number.`, {
    hint: 'Write it like 12, -0.5 or 1234.5678, without separators.',
  });
}
