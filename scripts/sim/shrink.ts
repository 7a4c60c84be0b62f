/** Makes a failing seed smaller: fault kinds are switched off one by one and hours taken away while it still fails alike. */
import type { SeedOrder, SeedResult } from './messages.ts';

/** Plays an order once. */
export type Play = (order: SeedOrder) => Promise<SeedResult>;

export interface Shrunk {
  readonly order: SeedOrder;
  readonly result: SeedResult;
}

/** The smallest order found that breaks the same invariant, within so many plays. */
export async function shrink(
  order: SeedOrder,
  failing: SeedResult,
  play: Play,
  playsMax: number,
): Promise<Shrunk> {
  const invariant = failing.violations[0]!.invariant;
  let best: Shrunk = { order: { ...order, only: [...failing.kinds] }, result: failing };
  let plays = 0;
  const tries = async (next: SeedOrder): Promise<boolean> => {
    if (plays >= playsMax) return false;
    plays += 1;
    const result = await play(next);
    if (!result.violations.some((violation) => violation.invariant === invariant)) return false;
    best = { order: next, result };
    return true;
  };
  // Halves first: most kinds have nothing to do with it.
  for (
    let size = Math.ceil(best.order.only!.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < best.order.only!.length;) {
      const kinds = best.order.only!;
      const rest = kinds.filter((_kind, index) => index < from || index >= from + size);
      if (!(await tries({ ...best.order, only: rest }))) from += size;
    }
  }
  for (let hours = best.order.hours / 2; hours >= 0.25; hours /= 2)
    if (!(await tries({ ...best.order, hours }))) break;
  return best;
}

/** The command that plays an order again. */
export function commandOf(order: SeedOrder): string {
  const { seed, hours, only, without, level, intensity = 1, profile = 'mixed', accounts } = order;
  const words = ['npm run sim --', `--seed ${seed}`, `--hours ${hours}`];
  if (intensity !== 1) words.push(`--intensity ${intensity}`);
  if (profile !== 'mixed') words.push(`--profile ${profile}`);
  if (accounts === 2) words.push('--accounts 2');
  if (level !== 1) words.push(`--level ${level}`);
  if (only !== null) words.push(`--only ${only.length === 0 ? 'none' : only.join(',')}`);
  if (without.length > 0) words.push(`--without ${without.join(',')}`);
  return words.join(' ');
}
