/**
 * Chance from a seed, forked by label: each part of the world draws from a stream of its own, so one draw more in one
 * part moves no other part, and a fault kind that is switched off leaves the rest of the seed as it was.
 */

export interface Chance {
  /** A number in [0, 1). */
  unit(): number;
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number;
  pick<Row>(rows: readonly Row[]): Row;
  /** True with this probability. */
  maybe(probability: number): boolean;
  /** A stream of its own. The same label gives the same stream, whatever was drawn here before. */
  fork(label: string): Chance;
}

export function chanceOf(label: string): Chance {
  const next = sfc32(label);
  const unit = (): number => next() / 4_294_967_296;
  const integer = (least: number, most: number): number => least + Math.floor(unit() * (most - least + 1));
  return {
    unit,
    integer,
    pick: (rows) => rows[integer(0, rows.length - 1)]!,
    maybe: (probability) => unit() < probability,
    fork: (more) => chanceOf(`${label}/${more}`),
  };
}

/** Chris Doty-Humphrey's small fast counter generator, its state spread from the label (xmur3). */
function sfc32(label: string): () => number {
  let spread = 1779033703 ^ label.length;
  for (let index = 0; index < label.length; index += 1) {
    spread = Math.imul(spread ^ label.charCodeAt(index), 3432918353);
    spread = (spread << 13) | (spread >>> 19);
  }
  const word = (): number => {
    spread = Math.imul(spread ^ (spread >>> 16), 2246822507);
    spread = Math.imul(spread ^ (spread >>> 13), 3266489909);
    spread ^= spread >>> 16;
    return spread >>> 0;
  };
  let [a, b, c, counter] = [word(), word(), word(), word()];
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
}
