/** Which cases a seed gives: three in ten look like something else, one in ten cannot be known, the rest are plain. */
import { chanceOf, type Chance } from './chance.ts';
import { PLAIN, type Make } from './plainCases.ts';
import { STOCKS, type Case } from './stage.ts';
import { LOOK_ALIKES, UNKNOWABLE } from './trickyCases.ts';

/** Of every ten cases in a row. */
const PATTERN = [
  'plain',
  'like',
  'plain',
  'like',
  'plain',
  'plain',
  'like',
  'plain',
  'unknowable',
  'like',
] as const;

/** The numbered case of a seed. */
export function drawCase(seed: number, number: number): Case {
  const chance = chanceOf(`${seed}:${number}`);
  const families =
    PATTERN[number % PATTERN.length] === 'plain'
      ? PLAIN
      : PATTERN[number % PATTERN.length] === 'like'
        ? LOOK_ALIKES
        : UNKNOWABLE;
  return weighted(chance, families)({ chance, stocks: chance.shuffle(STOCKS) });
}

function weighted(chance: Chance, families: readonly (readonly [number, Make])[]): Make {
  let place = chance.integer(
    1,
    families.reduce((sum, [weight]) => sum + weight, 0),
  );
  for (const [weight, make] of families) {
    place -= weight;
    if (place <= 0) return make;
  }
  throw new Error('no families');
}
