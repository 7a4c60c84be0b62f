/** Walls inside tests and documents: nothing of one machine, no test switched off, no promise of a missing test. */
import ts from 'typescript';
import { lineOf, parse, type SourceFile, type Violation, walk } from './sources.ts';

/** Put together from parts, because this file is looked at too. */
const OF_ONE_MACHINE = [
  ['..', 'shared'],
  ['', 'work', ''],
  ['', 'root', ''],
  ['', 'tmp', 'brief'],
].map((parts) => parts.join('/'));

/** Every mention of a folder that exists on the machine of one developer only. */
export function checkMachinePaths(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((text, index) =>
      OF_ONE_MACHINE.filter((place) => mentions(text, place)).map((place) => ({
        path: file.path,
        line: index + 1,
        what: `names ${place}`,
      })),
    ),
  );
}

/** As the start of a path: `https://example.com/work/` and `src/root/` are someone else's. */
function mentions(text: string, place: string): boolean {
  for (let at = text.indexOf(place); at !== -1; at = text.indexOf(place, at + 1)) {
    if (!place.startsWith('/') || !/[\w.$}-]/.test(text[at - 1] ?? '')) return true;
  }
  return false;
}

const RUNNERS = new Set(['it', 'test', 'describe', 'suite']);
const SWITCHES = new Set(['skip', 'only', 'todo', 'skipIf', 'runIf', 'fails']);
const CONTEXTS = new Set(['context', 'ctx', 'task', 't']);
/** Neither works when test files share a thread and its modules. */
const UNSHARED = new Set(['vi.mock', 'vi.doMock', 'process.chdir']);

/** Tests that are switched off, or that would disturb the ones beside them. */
export function checkTests(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    walk(parse(file), (node) => {
      if (!ts.isPropertyAccessExpression(node)) return;
      const owner = firstName(node.expression);
      const name = node.name.text;
      const off = RUNNERS.has(owner) && SWITCHES.has(name);
      const offInside = CONTEXTS.has(owner) && name === 'skip';
      if (off || offInside || UNSHARED.has(`${owner}.${name}`)) {
        violations.push({ path: file.path, line: lineOf(node), what: `uses ${owner}.${name}` });
      }
    });
  }
  return violations;
}

/** `it` in `it.each([...])('...').skip`. */
function firstName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return firstName(node.expression);
  return '';
}

/**
 * Every `test/...` path in a document must exist; written as `test/file.test.ts > title` (headings may stand between,
 * the last part counts), the title must occur in that file.
 */
export function checkNamedTests(documents: readonly SourceFile[], tests: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const document of documents) {
    document.text.split('\n').forEach((text, index) => {
      for (const [, path = '', titles] of text.matchAll(/(test\/[\w./-]*[\w/])((?: > [^`|\n]+)?)/g)) {
        const what = missing(path, titles, tests);
        if (what !== null) violations.push({ path: document.path, line: index + 1, what });
      }
    });
  }
  return violations;
}

function missing(path: string, titles: string | undefined, tests: readonly SourceFile[]): string | null {
  const isFolder = tests.some((test) => test.path.startsWith(path.endsWith('/') ? path : `${path}/`));
  const test = tests.find((one) => one.path === path);
  if (test === undefined) return isFolder ? null : `names ${path}, which does not exist`;
  const title = titles?.split(' > ').at(-1)?.trim() ?? '';
  const known = title === '' || plain(test.text).includes(plain(title));
  return known ? null : `names the test "${title}", which ${path} does not hold`;
}

/** Without the escapes of a string literal, and with every run of white space as one space. */
function plain(text: string): string {
  return text.replaceAll('\\', '').replaceAll(/\s+/g, ' ');
}
