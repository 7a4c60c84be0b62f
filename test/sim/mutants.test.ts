import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { expect, it } from 'vitest';
import { FAULT_KINDS } from '../../scripts/sim/faults.ts';
import { installMachine } from '../../scripts/sim/hooks.ts';
import { MUTANTS } from '../../scripts/sim/mutants.ts';
import { INVARIANTS } from '../../scripts/sim/oracle/invariants.ts';
import { WANTED_STATES } from '../../scripts/sim/oracle/wantedStates.ts';

const SOURCE = new URL('../../src/', import.meta.url);

/** The sources a mutant changes, as they are loaded. Throws where an edit does not fit exactly once. */
function changedSources(edits: (typeof MUTANTS)[number]['edits']): ReadonlyMap<string, string> {
  const changed = new Map<string, string>();
  for (const { file, find, put } of edits) {
    const text = changed.get(file) ?? readFileSync(new URL(file, SOURCE), 'utf8');
    if (text.split(find).length !== 2) throw new Error(`${file} does not hold once: ${find}`);
    changed.set(
      file,
      text.replace(find, () => put),
    );
  }
  return changed;
}

it.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))(
  'every wrong design still fits the source: %s',
  (_id, { edits }) => {
    for (const [file, text] of changedSources(edits)) {
      expect(text, file).not.toBe(readFileSync(new URL(file, SOURCE), 'utf8'));
      expect(() => stripTypeScriptTypes(text), file).not.toThrow();
    }
  },
);

it('an edit that does not fit the source stops everything', () => {
  const edit = { file: 'sync/agent.ts', find: 'this text stands nowhere', put: '' };
  expect(() => installMachine([edit])).toThrow('holds this text 0 times');
});

it('there are as many wrong designs, fault kinds, invariants and states as promised, each once', () => {
  for (const [names, least] of [
    [MUTANTS.map(({ id }) => id), 30],
    [FAULT_KINDS.map(({ id }) => id), 45],
    [Object.keys(INVARIANTS), 30],
    [WANTED_STATES, 30],
  ] as const) {
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(least);
  }
});
