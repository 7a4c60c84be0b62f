/**
 * A child process that plays seeds: it puts the machine under the product before anything of it is loaded. Its parent
 * sends a seed at a time and is sent its result.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installMachine } from './hooks.ts';
import type { PlayOrder, SeedOrder } from './messages.ts';

/** Memory where the system has a file system for it. */
function memoryFolder(): string {
  const memory =
    statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true ? '/dev/shm' : tmpdir();
  return mkdtempSync(path.join(memory, 'truebook-sim-'));
}

const { edits } = JSON.parse(process.argv[2] ?? '{"edits":[]}') as PlayOrder;
installMachine(edits);
const { makeTemplate, runSeed } = await import('./seed.ts');
const folder = memoryFolder();
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
// What a killed process left behind goes on until it meets its own end; nobody waits for it.
process.on('unhandledRejection', (error) => {
  if (error instanceof Error && error.name === 'Error' && error.message === 'the process was killed') return;
  lost.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
});
const lost: string[] = [];

const template = await makeTemplate(folder);
process.on('message', (order: SeedOrder) => void play(order));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });

async function play(order: SeedOrder): Promise<void> {
  const seedFolder = path.join(folder, 'seed');
  mkdirSync(seedFolder, { recursive: true });
  try {
    const trace = order.trace ? (line: string): void => console.log(line) : null;
    const result = await runSeed({ ...order, folder: seedFolder, trace }, template);
    process.send?.({ result, lost: lost.splice(0) });
  } catch (error) {
    process.send?.({
      seed: order.seed,
      failed: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}
