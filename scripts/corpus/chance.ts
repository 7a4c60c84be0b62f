/** Chance from a seed: the same seed and place give the same choices on every machine. */
import { createHash } from 'node:crypto';

export interface Chance {
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number;
  pick<Row>(rows: readonly Row[]): Row;
  /** True in one of `of` cases. */
  once(of: number): boolean;
  /** The rows in another order. */
  shuffle<Row>(rows: readonly Row[]): Row[];
}

export function chanceOf(seed: string): Chance {
  let drawn = 0;
  const draw = (): number => {
    drawn += 1;
    return createHash('sha256').update(`${seed}:${drawn}`).digest().readUInt32BE(0);
  };
  const integer = (least: number, most: number): number => least + (draw() % (most - least + 1));
  return {
    integer,
    pick: (rows) => rows[integer(0, rows.length - 1)]!,
    once: (of) => integer(1, of) === 1,
    shuffle: (rows) => {
      const rest = [...rows];
      return rows.map(() => rest.splice(integer(0, rest.length - 1), 1)[0]!);
    },
  };
}
