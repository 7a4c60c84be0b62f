/** All vectors that speak of wash sales, through `washSales` alone. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Decimal } from '../../src/domain/decimal.ts';
import { rowsOf, rowText, washOfVector, type WashVector } from './washVectors.ts';

/** Peers that compute in binary fractions differ in the tenth digit; ours have at most eighteen. */
const PLACES = 6;

const vectors = ['adlr_wash', 'bbreslauer_wash', 'spec_examples'].flatMap((name) => {
  const text = readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8');
  const { vectors: all } = JSON.parse(text) as { vectors: Partial<WashVector>[] };
  return all.filter((vector) => vector.expected?.wash !== undefined) as WashVector[];
});

describe('vectors', () => {
  test('there are some of each kind', () => {
    const kinds = new Set(vectors.map(({ id, wash_policy: policy }) => `${id.split('-')[0]} ${policy}`));
    expect([...kinds].sort()).toEqual(['adlr_wash adlr', 'bbreslauer_wash bb', 'spec bb']);
    expect(vectors.length).toBeGreaterThanOrEqual(27);
  });

  test.each(vectors.map((vector) => [vector.id, vector] as const))('%s', (_id, vector) => {
    const { rows, disallowed_total: total, permanently_lost: lost } = vector.expected.wash;
    const result = washOfVector(vector);
    const stated = rows.every((row) => row.is_replacement !== undefined);
    const actual = rowsOf(result, PLACES).map((text) =>
      stated ? text : text.replace(/replacement .*$/, ''),
    );
    expect(actual.sort()).toEqual(rows.map((row) => rowText(row, PLACES)).sort());
    const sums = (of: (row: (typeof result.adjustments)[number]) => Decimal): string =>
      Decimal.sum(result.adjustments.map(of)).toString();
    expect(sums((row) => row.disallowed)).toBe(Decimal.parse(total).toString());
    expect(sums((row) => row.permanentlyLost)).toBe(Decimal.parse(lost ?? '0').toString());
  });
});
