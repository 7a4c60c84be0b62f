/** Reading a control call's body: every field named and typed, an unknown one refused by its name, numbers as their text. */
import { Decimal } from '../domain/decimal.ts';
import { tryParseInstant, type Instant } from '../domain/time.ts';
import { NumberText } from './json.ts';
import { Refusal } from './refusal.ts';

export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #where: string;
  #known = new Set<string>();

  constructor(body: unknown, where = '') {
    if (typeof body !== 'object' || body === null || Array.isArray(body) || body instanceof NumberText) {
      throw new Refusal(`${where === '' ? 'the body' : where.slice(0, -1)} must be a JSON object`);
    }
    this.#values = body as Record<string, unknown>;
    this.#where = where;
  }

  has(name: string): boolean {
    this.#known.add(name);
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  text(name: string): string {
    const value = this.#take(name);
    if (typeof value === 'string' && value !== '') return value;
    if (value instanceof NumberText) return value.text;
    throw new Refusal(`${this.#where}${name} must be text`);
  }

  word<Word extends string>(name: string, words: readonly Word[]): Word {
    const value = this.#take(name);
    const word = words.find((one) => one === value);
    if (word === undefined) throw new Refusal(`${this.#where}${name} must be one of ${words.join(', ')}`);
    return word;
  }

  /** A decimal, written as text or as a JSON number. */
  decimal(name: string): Decimal {
    const value = this.#take(name);
    const parsed = Decimal.tryParse(
      value instanceof NumberText ? value.text : typeof value === 'string' ? value : '',
    );
    if (parsed === null)
      throw new Refusal(`${this.#where}${name} must be a decimal number, as text or number`);
    return parsed;
  }

  /** A decimal above zero, or from zero on. */
  amount(name: string, zeroAllowed = false): Decimal {
    const value = this.decimal(name);
    if (value.sign() < 0 || (value.isZero() && !zeroAllowed)) {
      throw new Refusal(`${this.#where}${name} must ${zeroAllowed ? 'not be negative' : 'be above 0'}`);
    }
    return value;
  }

  integer(name: string): number {
    const value = this.signedInteger(name);
    if (value < 0) throw new Refusal(`${this.#where}${name} must not be negative`);
    return value;
  }

  /** As `integer`, but it may lie below zero. */
  signedInteger(name: string): number {
    const value = this.#take(name);
    const text = value instanceof NumberText ? value.text : typeof value === 'string' ? value : '';
    if (!/^-?\d{1,12}$/.test(text)) throw new Refusal(`${this.#where}${name} must be a whole number`);
    return Number.parseInt(text, 10);
  }

  instant(name: string): Instant {
    const value = this.#take(name);
    const instant = typeof value === 'string' ? tryParseInstant(value) : null;
    if (instant === null)
      throw new Refusal(`${this.#where}${name} must be an instant like 2025-08-21T14:05:53Z`);
    return instant;
  }

  flag(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== 'boolean') throw new Refusal(`${this.#where}${name} must be true or false`);
    return value;
  }

  object(name: string): Fields {
    return new Fields(this.#take(name), `${this.#where}${name}.`);
  }

  /** Names every field that nothing has asked for. */
  end(): void {
    const unknown = Object.keys(this.#values).filter((name) => !this.#known.has(name));
    if (unknown.length > 0)
      throw new Refusal(`unknown field ${unknown.map((name) => `"${this.#where}${name}"`).join(', ')}`);
  }

  #take(name: string): unknown {
    this.#known.add(name);
    const value = this.#values[name];
    if (value === undefined || value === null) throw new Refusal(`${this.#where}${name} is missing`);
    return value;
  }
}
