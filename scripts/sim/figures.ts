/** What many seeds add up to, and the sections of docs/reliability.md that are made of it. */
import type { SeedResult } from './messages.ts';

export interface Figures {
  seeds: number;
  failing: number;
  simulatedMs: number;
  realMs: number;
  events: number;
  runs: number;
  kills: number;
  requests: number;
  fills: number;
  checks: number;
  readonly faults: Map<string, number>;
  readonly states: Map<string, number>;
  readonly violations: Map<string, number>;
}

export function noFigures(): Figures {
  return {
    seeds: 0,
    failing: 0,
    simulatedMs: 0,
    realMs: 0,
    events: 0,
    runs: 0,
    kills: 0,
    requests: 0,
    fills: 0,
    checks: 0,
    faults: new Map(),
    states: new Map(),
    violations: new Map(),
  };
}

export function addResult(figures: Figures, result: SeedResult): void {
  figures.seeds += 1;
  if (result.violations.length > 0) figures.failing += 1;
  for (const name of ['simulatedMs', 'events', 'runs', 'kills', 'requests', 'fills', 'checks'] as const)
    figures[name] += result[name];
  addCounts(figures.faults, result.faults);
  addCounts(figures.states, result.states);
  for (const { invariant } of result.violations) addCounts(figures.violations, { [invariant]: 1 });
}

function addCounts(into: Map<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) into.set(name, (into.get(name) ?? 0) + count);
}

const HOUR_MS = 3_600_000;

/** Figures as lines of `name: value`, for a terminal. */
export function printed(figures: Figures): string {
  // What people do at the broker is counted beside the faults, and is none.
  const kinds = [...figures.faults].filter(([kind]) => !kind.startsWith('trading: '));
  const faults = kinds.reduce((sum, [, count]) => sum + count, 0);
  const lines: (readonly [string, string | number])[] = [
    ['seeds', figures.seeds],
    ['failing seeds', figures.failing],
    ['violations', [...figures.violations].map(([id, count]) => `${id} ${count}`).join(', ') || 0],
    ['simulated hours', Math.round(figures.simulatedMs / HOUR_MS)],
    ['events', figures.events],
    ['faults that took effect', faults],
    ['kinds of them', kinds.length],
    ['processes killed', figures.kills],
    ['runs committed', figures.runs],
    ['requests', figures.requests],
    ['fills', figures.fills],
    ['checks of invariants', figures.checks],
    ['states reached', figures.states.size],
    ['seconds', (figures.realMs / 1_000).toFixed(1)],
    ['seeds per second', ((figures.seeds * 1_000) / Math.max(1, figures.realMs)).toFixed(2)],
  ];
  return lines.map(([name, value]) => `${name.padEnd(26)}${value}`).join('\n');
}

/** The table of figures, with faults by kind. `kinds` are the names of all there are, with their catalogue numbers. */
export function figuresTable(
  figures: Figures,
  kinds: readonly { readonly id: string; readonly catalogue: string; readonly says: string }[],
): string {
  const rows = printed(figures)
    .split('\n')
    .map((line) => `| ${line.slice(0, 26).trim()} | ${line.slice(26)} |`);
  const faults = kinds.map(
    ({ id, catalogue, says }) => `| \`${id}\` | ${catalogue} | ${says} | ${figures.faults.get(id) ?? 0} |`,
  );
  return [
    '| figure | value |',
    '|---|---|',
    ...rows,
    '',
    '| fault kind | catalogue | what happens | took effect |',
    '|---|---|---|---|',
    ...faults,
  ].join('\n');
}

export interface MutantOutcome {
  readonly id: string;
  readonly says: string;
  /** Seeds played until one caught it, or all of them. */
  readonly seeds: number;
  readonly maskedBy: string | null;
  readonly caughtBy: { readonly seed: number; readonly invariants: readonly string[] } | null;
}

export function mutantsTable(outcomes: readonly MutantOutcome[]): string {
  const rows = outcomes.map(({ id, says, seeds, caughtBy, maskedBy }) =>
    caughtBy === null
      ? `| \`${id}\` | ${says} | not in ${seeds} seeds | ${maskedBy === null ? '' : `behind it: ${maskedBy}`} |`
      : `| \`${id}\` | ${says} | seed ${caughtBy.seed} (number ${seeds}) | ${caughtBy.invariants.join(', ')} |`,
  );
  const caught = outcomes.filter((one) => one.caughtBy !== null).length;
  return [
    `${caught} of ${outcomes.length} wrong designs are caught.`,
    '',
    '| wrong design | what is wrong | caught by | invariants |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

export function invariantsTable(invariants: Readonly<Record<string, string>>): string {
  const rows = Object.entries(invariants).map(([id, says]) => `| ${id} | ${says} |`);
  return ['| number | what must hold |', '|---|---|', ...rows].join('\n');
}

/** Puts a text between two marks of a document. Throws where the marks are not there once each. */
export function between(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  if (document.split(begin).length !== 2 || document.split(end).length !== 2)
    throw new Error(`the marks of ${name} must be in the document once each`);
  const [before] = document.split(begin) as [string];
  const [, after] = document.split(end) as [string, string];
  return `${before}${begin}\n\n${text}\n\n${end}${after}`;
}
