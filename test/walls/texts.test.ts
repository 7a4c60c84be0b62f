import { describe, expect, it } from 'vitest';
import { printed, readSources } from './sources.ts';
import { checkMachinePaths, checkNamedTests, checkTests } from './texts.ts';

const ENDINGS = [
  '.ts',
  '.tsx',
  '.js',
  '.cjs',
  '.mjs',
  '.json',
  '.md',
  '.yaml',
  '.yml',
  '.sql',
  '.env',
  'run',
];
const FOLDERS = ['src', 'test', 'scripts', 'bin', 'docs', '.ci'];

describe('this checkout', () => {
  it('names no folder of one machine', async () => {
    const files = (await Promise.all(FOLDERS.map((folder) => readSources(folder, ...ENDINGS)))).flat();
    expect(files.length).toBeGreaterThan(20);
    expect(printed(checkMachinePaths(files))).toEqual([]);
  });

  it('has no test that is switched off', async () => {
    const tests = await readSources('test', '.ts');
    expect(tests.filter((file) => file.path.endsWith('.test.ts')).length).toBeGreaterThan(3);
    expect(printed(checkTests(tests))).toEqual([]);
  });

  it('has every test that its documents name', async () => {
    const documents = await readSources('docs', '.md');
    expect(documents.map((document) => document.path)).toContain('docs/seeds.md');
    const tests = await readSources('test', '');
    expect(printed(checkNamedTests(documents, tests))).toEqual([]);
  });
});

describe('the checker of machine paths', () => {
  const parts = (...words: string[]): string => words.join('/');
  it.each([
    `read('${parts('..', 'shared', 'design.md')}')`,
    `cp ${parts('', 'work', 'main', 'x')} .`,
    `see ${parts('', 'root', '.config')}`,
    parts('', 'tmp', 'brief', 'a.md'),
    parts('..', '..', 'shared', 'design.md'),
  ])('objects to %s', (text) => {
    expect(checkMachinePaths([{ path: 'src/a.ts', text }])).toHaveLength(1);
  });

  it('lets pass what only looks like one', () => {
    const text = `https://example.com${parts('', 'work', 'x')} and test${parts('', 'root', 'a.ts')} and shared/design`;
    expect(checkMachinePaths([{ path: 'src/a.ts', text }])).toEqual([]);
  });
});

describe('the checker of switched-off tests', () => {
  // Written with a gap so that this file itself passes.
  it.each([
    'it. skip("a")',
    'describe. only("a")',
    'test. todo("a")',
    'it.each([1]). skip("a")',
    'it. skipIf(x)("a")',
  ])('objects to %s', (text) => {
    expect(checkTests([{ path: 'test/a.test.ts', text: text.replace('. ', '.') }])).toHaveLength(1);
  });

  it('objects to what disturbs other tests of the thread', () => {
    const text = ['vi', 'mock("x"); process', 'chdir("/"); ctx', 'skip();'].join('.');
    expect(checkTests([{ path: 'test/a.test.ts', text }])).toHaveLength(3);
  });

  it('lets pass what only sounds like it', () => {
    const text = 'it("skips"); reader.skip(3); const only = it.each([1]);';
    expect(checkTests([{ path: 'test/a.test.ts', text }])).toEqual([]);
  });
});

describe('the checker of named tests', () => {
  const tests = [{ path: 'test/sync/agent.test.ts', text: "it('stops in order, isn\\'t late', run)" }];
  const objections = (text: string): string[] =>
    printed(checkNamedTests([{ path: 'docs/seeds.md', text }], tests));

  it('objects to a missing file, a missing folder and a missing title', () => {
    expect(objections('| a | `test/sync/other.test.ts` |')).toEqual([
      'docs/seeds.md:1 names test/sync/other.test.ts, which does not exist',
    ]);
    expect(objections('\nsee test/gate/')).toEqual([
      'docs/seeds.md:2 names test/gate/, which does not exist',
    ]);
    expect(objections('`test/sync/agent.test.ts > never stops`')).toEqual([
      'docs/seeds.md:1 names the test "never stops", which test/sync/agent.test.ts does not hold',
    ]);
  });

  it('lets pass files, folders and titles that exist', () => {
    expect(objections('`test/sync/agent.test.ts`, test/sync/, test/sync.')).toEqual([]);
    expect(objections("| `test/sync/agent.test.ts > agent > stops in order, isn't late` |")).toEqual([]);
  });
});
