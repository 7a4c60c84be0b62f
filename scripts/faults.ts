/**
 * `npm run faults`: plays the whole matrix of faults and writes its table into docs/reliability.md. With names of rows it
 * plays those and writes nothing. Ends with 1 where a law was broken; then nothing is written either.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { faultTable, withTable } from '../test/faults/table.ts';
import { playMatrix } from './soak/faults.ts';

const words = process.argv.slice(2);
const figures = await playMatrix(words);
if (figures.length === 0 || figures.some((one) => one.violations.length > 0)) process.exitCode = 1;
else if (words.length === 0) {
  const document = new URL('../docs/reliability.md', import.meta.url);
  const before = readFileSync(document, 'utf8');
  const after = withTable(before, faultTable(figures));
  if (after !== before) writeFileSync(document, after);
  console.log(
    after === before ? 'docs/reliability.md is as it was' : 'docs/reliability.md has the new table',
  );
}
