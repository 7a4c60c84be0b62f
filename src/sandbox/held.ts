/**
 * How much of an instrument an account holds at a moment, asked before every trade. Quantities are sums, so entries may
 * come in any order: they are added up once, not folded anew for each question.
 */
import { Decimal } from '../domain/decimal.ts';
import { compareInstants, type Instant } from '../domain/time.ts';
import { type Entry } from './entries.ts';

interface Sums {
  /** The entries the sums were made of; appended ones are added, any other change begins anew. */
  entries: readonly Entry[];
  /** Everything up to here is in the sums. */
  until: Instant | null;
  readonly quantities: Map<string, Decimal>;
  /** Entries that only count after `until`: fees of the day's end. */
  later: Entry[];
}

export class HeldQuantities {
  readonly #sums = new Map<string, Sums>();

  /** The signed quantity at `at`; zero where none is held. */
  of(name: string, entries: readonly Entry[], instrument: string, at: Instant): Decimal {
    const sums = this.#sums.get(name);
    const known = sums !== undefined && sums.entries === entries ? sums : this.#begin(name, entries);
    if (known.until !== null && compareInstants(at, known.until) < 0) return sumOf(entries, instrument, at);
    if (known.until !== at) advance(known, at);
    return known.quantities.get(instrument) ?? Decimal.zero;
  }

  /** Told of entries that were added to those asked about before. */
  appended(name: string, before: readonly Entry[], after: readonly Entry[]): void {
    const sums = this.#sums.get(name);
    if (sums === undefined || sums.entries !== before) return;
    for (let index = before.length; index < after.length; index += 1) take(sums, after[index]!);
    sums.entries = after;
  }

  #begin(name: string, entries: readonly Entry[]): Sums {
    const sums: Sums = { entries, until: null, quantities: new Map(), later: [...entries] };
    this.#sums.set(name, sums);
    return sums;
  }
}

function advance(sums: Sums, at: Instant): void {
  const { later } = sums;
  sums.until = at;
  sums.later = [];
  for (const entry of later) take(sums, entry);
}

function take(sums: Sums, entry: Entry): void {
  if (entry.instrument === null || entry.status !== 'ok' || entry.quantity.isZero()) return;
  if (sums.until === null || compareInstants(entry.at, sums.until) > 0) {
    sums.later.push(entry);
    return;
  }
  const { id } = entry.instrument;
  sums.quantities.set(id, (sums.quantities.get(id) ?? Decimal.zero).plus(entry.quantity));
}

function sumOf(entries: readonly Entry[], instrument: string, at: Instant): Decimal {
  let sum = Decimal.zero;
  for (const entry of entries) {
    if (entry.instrument?.id !== instrument || entry.status !== 'ok' || entry.quantity.isZero()) continue;
    if (compareInstants(entry.at, at) <= 0) sum = sum.plus(entry.quantity);
  }
  return sum;
}
