/**
 * `npm run sim -- --seed N [--seeds M] [--hours H] [--trace]`: simulated days of a broker, a network, disks, processes and
 * people, from a seed (docs/decisions/0034-simulation.md). `--mutants [NAMES]` switches wrong designs on, one at a time.
 */
import { parseArgs } from 'node:util';
import { runMutants, runSeeds } from './sim/commands.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    hours: { type: 'string', default: '6' },
    level: { type: 'string', default: '1' },
    database: { type: 'string', default: 'sqlite' },
    processes: { type: 'string', default: '2' },
    trace: { type: 'boolean', default: false },
    without: { type: 'string', default: '' },
    only: { type: 'string' },
    keep: { type: 'string' },
    intensity: { type: 'string', default: '1' },
    profile: { type: 'string', default: 'mixed' },
    accounts: { type: 'string', default: '1' },
    mutants: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
  },
});

const words = (text: string): readonly string[] =>
  text.split(',').filter((word) => word !== '' && word !== 'none');
const number = (text: string): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`"${text}" is no number above 0.`);
  process.exit(2);
};
if (!['sqlite', 'postgres'].includes(values.database)) {
  console.error('--database is sqlite or postgres.');
  process.exit(2);
}
const options = {
  first: number(values.seed),
  count: number(values.seeds),
  hours: number(values.hours),
  level: values.level === '2' || values.database === 'postgres' ? (2 as const) : (1 as const),
  database: values.database as 'sqlite' | 'postgres',
  processes: number(values.processes),
  trace: values.trace,
  without: words(values.without),
  only: values.only === undefined ? null : words(values.only),
  keep: values.keep ?? null,
  intensity: number(values.intensity),
  profile: values.profile === 'long' ? ('long' as const) : ('mixed' as const),
  accounts: values.accounts === '2' ? (2 as const) : (1 as const),
  publish: values.publish,
  shrinks: !values['no-shrink'],
};
const passed = values.mutants ? await runMutants(options, positionals) : await runSeeds(options);
process.exitCode = passed ? 0 : 1;
