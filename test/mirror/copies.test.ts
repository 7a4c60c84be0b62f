/** A bot that goes on writing a file of ours: copies do not grow without end, and no trade of its goes with them. */
import { afterEach, expect, it } from 'vitest';
import { openMirrorWorld, type MirrorWorld } from './mirrorWorld.ts';

const POSITIONS = 'positions_alpaca_paper.csv';
const TRADES = 'logs/trade_history_alpaca_paper.csv';
const NOTE = (name: string): string =>
  `alpaca-paper: Another program goes on writing ${name}: of its copies the first and the newest 20 are kept.`;

let world: MirrorWorld;
afterEach(() => world.close());

const copiesOf = (name: string): string[] => world.files().filter((file) => file.startsWith(`${name}.bak-`));

it('keeps the first and the newest copies, says so, and keeps trades that wait for an import', async () => {
  world = await openMirrorWorld();
  await world.run();
  const [positions, trades] = [world.text(POSITIONS), world.text(TRADES)];
  // As many copies as there may be, without as many runs.
  for (let minute = 10; minute < 31; minute += 1) {
    world.put(`${POSITIONS}.bak-20250820T10${minute}00Z`, `${positions}${minute}\n`);
    const known = trades.split('\n').slice(0, minute).join('\n');
    world.put(`${TRADES}.bak-20250820T10${minute}00Z`, `${known}\n`);
  }
  const waiting = `${TRADES}.bak-20250820T101500Z`;
  world.put(waiting, 'timestamp,symbol,action,quantity,price\n2025-08-01T10:00:00,SPY,BUY,1,600\n');
  const before = [copiesOf(POSITIONS), copiesOf(TRADES)];
  expect(before.map(({ length }) => length)).toEqual([21, 21]);

  world.put(POSITIONS, 'state 1\n');
  world.put(TRADES, 'timestamp,symbol,action,quantity,price\n');
  const { warnings } = await world.run();
  expect(warnings.filter((warning) => warning.includes('goes on'))).toEqual([NOTE(POSITIONS), NOTE(TRADES)]);
  for (const [index, name] of [POSITIONS, TRADES].entries()) {
    const [first, second, ...others] = before[index]!;
    expect(copiesOf(name)).toEqual([first, ...others, `${name}.bak-20250821T160000Z`]);
    expect(copiesOf(name)).not.toContain(second);
  }

  // Each run takes the oldest with it, but not the one whose trade is nowhere else.
  for (let state = 2; state <= 7; state += 1) {
    world.put(TRADES, `timestamp,symbol,action,quantity,price\n${'\n'.repeat(state)}`);
    await world.run();
  }
  expect(copiesOf(TRADES)).toHaveLength(22);
  expect(copiesOf(TRADES)).toContain(waiting);
});
