import { playWeeks } from '../test/world/weeks.ts';
import { verifyViews } from '../src/sync/rebuild.ts';
const seed = Number(process.argv[2]); const runs = Number(process.argv[3]);
let states: Record<string, number> = {};
try {
await playWeeks({ runs, seed, makeDatabase: () => Promise.resolve(null), shrink: process.argv[4] === 'shrink', inspect: async (world) => {
  const account = await world.truebook.account('alpaca-paper');
  const report = await verifyViews(world.truebook.store, account);
  for (const row of await world.truebook.store.positions({})) { const k = `${row.state} ${row.explained} ${row.openedRootId === '' ? 'noroot' : 'root'} ${row.realizedBasis}`; states[k] = (states[k] ?? 0) + 1; }
  const text = report.tables.flatMap(({ table, examples }) => examples.map(({ key, stored, derived }) => `${table} ${key}\n  ${JSON.stringify(stored)}\n  ${JSON.stringify(derived)}`)).join('\n');
  if (text !== '') throw new Error(text.slice(0, 3000));
} });
} catch (e) { console.log(String(e).slice(0, 9000)); process.exitCode = 1; }
console.log(states);
