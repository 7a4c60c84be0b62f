/** `npm run sim -- --seed N [--seeds M] [--hours H] [--trace]`: simulated days of a broker, a network, disks, processes and people, from a seed. */
import { parseArgs } from 'node:util';
import { playAll } from './sim/pool.ts';
import type { SeedOrder, SeedResult } from './sim/messages.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    hours: { type: 'string', default: '6' },
    trace: { type: 'boolean', default: false },
    without: { type: 'string', default: '' },
    only: { type: 'string' },
    keep: { type: 'string' },
    processes: { type: 'string', default: '2' },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
function* orders(): Iterable<SeedOrder> {
  for (let seed = first; seed < first + count; seed += 1)
    yield { seed, hours: Number(values.hours), level: 1, databaseUrl: null, without: values.without.split(',').filter(Boolean), only: values.only?.split(',') ?? null, trace: values.trace, keep: values.keep ?? null };
}
const results: SeedResult[] = [];
const started = performance.now();
await playAll(orders(), { processes: Math.min(count, Number(values.processes)) }, (result) => {
  results.push(result);
  for (const violation of result.violations) console.log(`seed ${result.seed}: ${violation.invariant} at ${violation.atMs}: ${violation.says}`);
});
const ms = performance.now() - started;
const sum = (of: (result: SeedResult) => number): number => results.reduce((total, result) => total + of(result), 0);
console.log({ seeds: results.length, seconds: ms / 1000, perSecond: (results.length * 1000) / ms, failing: results.filter((r) => r.violations.length).length, runs: sum((r) => r.runs), kills: sum((r) => r.kills), checks: sum((r) => r.checks), requests: sum((r) => r.requests), events: sum((r) => r.events), hash: results[0]?.traceHash });
