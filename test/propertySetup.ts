/**
 * Property tests look at other cases on every run of a developer, and at the same ones in every run of CI: what has not
 * changed does not fail there by chance. TRUEBOOK_LAW_RUNS=2000 looks at so many cases of each law.
 */
import fc from 'fast-check';

const runs = Number(process.env['TRUEBOOK_LAW_RUNS'] ?? '0');

fc.configureGlobal({
  ...(process.env['CI'] === undefined ? {} : { seed: 20_251_201 }),
  ...(runs === 0 ? {} : { numRuns: runs }),
});
