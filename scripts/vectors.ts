/**
 * `npm run vectors -- FILE_OR_DIR...`: cases of other books and of documents, played through the engine. Prints what
 * does not agree, expected and actual, and at last `N passed, M failed`. Vectors that follow other rules than ours and
 * say so (see `checkVector.ts`) are told one by one and count as neither. Ends with 1 when one failed.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkVector, type Verdict } from './vectors/checkVector.ts';
import { type Vector } from './vectors/format.ts';

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error('Say which vectors: npm run vectors -- FILE_OR_DIR...');
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const file of paths.flatMap(filesIn)) {
  for (const verdict of vectorsOf(file).map(checkVector)) {
    if (verdict.outcome === 'passed') passed += 1;
    if (verdict.outcome === 'failed') failed += 1;
    if (verdict.outcome !== 'passed') tell(file, verdict);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function filesIn(place: string): readonly string[] {
  if (!statSync(place).isDirectory()) return [place];
  return readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => path.join(place, name));
}

/** `{"vectors": [...]}`, a list, or one vector. */
function vectorsOf(file: string): readonly Vector[] {
  const content = JSON.parse(readFileSync(file, 'utf8')) as { vectors?: Vector[] } | Vector[] | Vector;
  if (Array.isArray(content)) return content;
  return 'vectors' in content ? (content.vectors ?? []) : [content as Vector];
}

function tell(file: string, { id, outcome, problems }: Verdict): void {
  console.log(`${outcome} ${path.basename(file)} ${id}`);
  for (const problem of problems) console.log(`  ${problem}`);
}
