/** `npm run build`: empties dist/ and fills it with the publishable package (what goes in: tsdown.config.ts). */
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'tsdown';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
await rm('dist', { recursive: true, force: true });
await build({ config: 'tsdown.config.ts' });
