/**
 * `npm run vectors -- FILE_OR_DIR...`: cases of other books and of documents, played through the engine. Prints what
 * does not agree, expected and actual, and at last `N passed, M failed`. Vectors that follow other rules than ours and
 * say so (see `checkVector.ts`) are told one by one and count as neither. Ends with 1 when one failed.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkVector, type Verdict } from './vectors/checkVector.ts';

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error('Say which vectors: npm run vectors -- FILE_OR_DIR...');
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const place of paths) {
  for (const [name, verdict] of verdictsOf(place)) {
    if (verdict.outcome === 'passed') passed += 1;
    if (verdict.outcome === 'failed') failed += 1;
    if (verdict.outcome !== 'passed') tell(name, verdict);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** What cannot be read, or holds no vector, fails as one: it showed nothing. */
function* verdictsOf(place: string): Generator<readonly [string, Verdict]> {
  const files = attempt(() => filesIn(place));
  if (!Array.isArray(files)) yield [place, unread(String(files))];
  else if (files.length === 0) yield [place, unread('no file in it ends in .json')];
  else {
    for (const file of files as readonly string[]) {
      const vectors = attempt(() => vectorsOf(file));
      if (!Array.isArray(vectors)) yield [file, unread(String(vectors))];
      else if (vectors.length === 0) yield [file, unread('there is no vector in it')];
      else for (const vector of vectors) yield [file, checkVector(vector)];
    }
  }
}

/** What a step gives, or why it gives nothing, in words. */
function attempt<Result>(step: () => Result): Result | string {
  try {
    return step();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function unread(problem: string): Verdict {
  return { id: '(no vectors)', outcome: 'failed', problems: [problem] };
}

function filesIn(place: string): readonly string[] {
  if (!statSync(place).isDirectory()) return [place];
  return readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => path.join(place, name));
}

/** `{"vectors": [...]}`, a list, or one vector. */
function vectorsOf(file: string): readonly unknown[] {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (Array.isArray(content)) return content;
  if (content === null || typeof content !== 'object' || !('vectors' in content)) return [content];
  const { vectors } = content;
  if (!Array.isArray(vectors)) throw new Error('"vectors" is not a list');
  return vectors;
}

function tell(file: string, { id, outcome, problems }: Verdict): void {
  console.log(`${outcome} ${path.basename(file)} ${id}`);
  for (const problem of problems) console.log(`  ${problem}`);
}
