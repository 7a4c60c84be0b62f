/** One case played on a real sandbox over sockets and a real database, on a manual clock; answered is what was found. */
import { type Confidence, type FindingCause, type FindingState } from '../../src/domain/finding.ts';
import { openWorld, type World } from '../../test/world/world.ts';
import { holdMuch, stageOf, type Case } from './stage.ts';

export interface Answer {
  readonly symbol: string;
  readonly cause: FindingCause;
  readonly confidence: Confidence;
  readonly state: FindingState;
}

export interface Played {
  /** After the first complete look at the difference. */
  readonly first: readonly Answer[];
  /** After it was confirmed by a second look, a while later. */
  readonly open: readonly Answer[];
  /** After everything the broker publishes was published. */
  readonly end: readonly Answer[];
  /** The book at the end holds what the broker states. */
  readonly agrees: boolean;
}

const FIRST_LOOK = '2025-08-21T15:00:00Z';

export async function playCase(one: Case, seed: number): Promise<Played> {
  const start = one.isFirstContact === true ? '2025-08-08T15:00:00Z' : FIRST_LOOK;
  const world = await openWorld({ scenario: 'empty', seed, at: start });
  const stage = stageOf(world);
  try {
    await holdMuch(stage);
    await one.prepare(stage);
    if (one.isFirstContact !== true) {
      await world.advance('5m');
      await stage.sync();
      await world.advance('5m');
      await stage.sync();
      await world.advance(one.at);
      await stage.sync();
    }
    await one.make(stage);
    await world.advance('1m');
    await stage.sync();
    const first = await answers(world);
    await world.advance('20m');
    await stage.sync();
    await world.advance('5m');
    await stage.sync();
    const open = await answers(world);
    await one.settle?.(stage);
    if (one.published) await world.advance('next-day');
    await world.advance('6h');
    await stage.sync();
    await world.advance('20m');
    await stage.sync();
    return { first, open, end: await answers(world), agrees: await agrees(world) };
  } finally {
    await world.close();
  }
}

const ABOUT_DIFFERENCES = ['difference', 'missing', 'appeared', 'account_changed'] as const;

async function answers(world: World): Promise<readonly Answer[]> {
  const rows = await world.truebook.store.findings({ types: ABOUT_DIFFERENCES });
  return rows.map(({ symbol, type, cause, confidence, state }) => ({
    symbol: symbol ?? (type === 'account_changed' ? 'account' : '?'),
    cause,
    confidence,
    state,
  }));
}

async function agrees(world: World): Promise<boolean> {
  const rows = await world.truebook.store.findings({
    types: ABOUT_DIFFERENCES,
    states: ['open', 'reopened'],
  });
  return rows.length === 0;
}
