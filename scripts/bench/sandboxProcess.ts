/**
 * The sandbox of a measurement, in a process of its own so that its work is not counted as ours. Arguments: positions,
 * start of its manual clock, settings file. Prints its ready line and ends with its standard input.
 */
import { parseInstant } from '../../src/domain/time.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';

const [positions = '', at = '', envFile = ''] = process.argv.slice(2);
const sandbox = await startSandbox({
  scenario: 'large',
  positions: Number.parseInt(positions, 10),
  clock: { kind: 'manual', at: parseInstant(at) },
  envFile,
});
console.log(JSON.stringify(sandbox.ready));
process.stdin.resume();
process.stdin.on('end', () => void sandbox.close().then(() => process.exit(0)));
