/** A whole corpus: so many cases of a seed, played one after the other, and what they add up to. */
import { drawCase } from './draw.ts';
import { judge, type Verdict } from './judge.ts';
import { isTruebookError } from '../../src/domain/errors.ts';
import { playCase, type Played } from './play.ts';
import { type Case } from './stage.ts';

export interface Outcome {
  readonly number: number;
  readonly one: Case;
  readonly verdict: Verdict;
}

/** Plays `count` cases of a seed; `told` hears of each. */
export async function runCorpus(
  seed: number,
  count: number,
  told: (outcome: Outcome) => void = () => {},
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  // Most of a case is waiting for sockets and disk: a few at a time take half the time.
  const player = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) {
      const one = drawCase(seed, number);
      const outcome = { number, one, verdict: judge(one, await played(one, seed * 1000 + number)) };
      outcomes.push(outcome);
      told(outcome);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, player));
  return outcomes.sort((left, right) => left.number - right.number);
}

const AT_ONCE = 3;

/** Plays a case; one that broke off because the machine was too busy to answer itself is played again from the start. */
async function played(one: Case, seed: number): Promise<Played> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await playCase(one, seed);
    } catch (error) {
      if (attempt === ATTEMPTS || !isTruebookError(error, 'broker_unreachable')) throw error;
    }
  }
}

const ATTEMPTS = 5;

/** The least share of cases that must be right, in percent. */
export const RIGHT_MIN = 95;

export interface Summary {
  readonly cases: number;
  readonly right: number;
  readonly rightPercent: number;
  readonly confidentWrong: number;
  readonly lookAlikes: number;
  readonly unknowable: number;
  readonly passed: boolean;
}

export function summaryOf(outcomes: readonly Outcome[]): Summary {
  const count = (of: (outcome: Outcome) => boolean): number => outcomes.filter(of).length;
  const right = count(({ verdict }) => verdict.isRight);
  const confidentWrong = count(({ verdict }) => verdict.confidentWrong.length > 0);
  const rightPercent = outcomes.length === 0 ? 0 : Math.round((right * 1000) / outcomes.length) / 10;
  return {
    cases: outcomes.length,
    right,
    rightPercent,
    confidentWrong,
    lookAlikes: count(({ one }) => one.isLookAlike),
    unknowable: count(({ one }) => one.isUnknowable),
    passed: confidentWrong === 0 && rightPercent >= RIGHT_MIN,
  };
}
