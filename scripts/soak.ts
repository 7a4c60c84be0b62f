/**
 * `npm run soak -- NAME [args]`: long trials that are too slow for the tests. Each is a module in `scripts/soak/` that
 * exports `run(args)` and throws, or answers false, when the trial found a fault.
 */
import { type Soak, SOAKS } from './soak/registry.ts';

const [name = '', ...args] = process.argv.slice(2);
const load: (() => Promise<Soak>) | undefined = Object.hasOwn(SOAKS, name) ? SOAKS[name] : undefined;
if (load === undefined) {
  const known = Object.keys(SOAKS).join(', ') || 'none yet';
  console.error(`There is no soak "${name}". Use: npm run soak -- NAME, where NAME is one of: ${known}.`);
  process.exitCode = 2;
} else {
  const soak = await load();
  if ((await soak.run(args)) === false) process.exitCode = 1;
}
