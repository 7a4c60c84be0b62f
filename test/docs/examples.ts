/** The examples in the documents: fenced blocks that a reader would copy and run, and what becomes of each. Pure. */

export type ExampleKind = 'program' | 'hooks' | 'commands' | 'settings';

export interface Example {
  /** `docs/library.md:12`: the line of the fence. */
  readonly place: string;
  readonly kind: ExampleKind;
  /** `ts` or `js` for programs and hooks. */
  readonly language: string;
  readonly text: string;
  /** `<!-- not run: REASON -->` on the line above; null = it is run. */
  readonly notRun: string | null;
}

const CODE = new Set(['ts', 'js', 'mjs', 'typescript', 'javascript']);
const SHELL = new Set(['bash', 'sh', 'shell', 'console']);
/** What a fence without a language must begin a line with to count as commands. */
const COMMAND_WORDS = /^\s*(truebook|npm|npx|node|curl|systemd-creds|shred|openssl|sudo|printf)\s/;
const SETTING = /^[A-Z][A-Z0-9_]*=/;

/** The runnable blocks of one document, in order; diagrams, output and other languages are no examples. */
export function examplesOf(path: string, text: string): readonly Example[] {
  const lines = text.split('\n');
  const found: Example[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const fence = /^(\s*)```(\S*)\s*$/.exec(lines[index]!);
    if (fence === null) continue;
    const [, indent = '', language = ''] = fence;
    const start = index;
    const body: string[] = [];
    for (index += 1; index < lines.length && lines[index]!.trim() !== '```'; index += 1)
      body.push(lines[index]!.slice(indent.length));
    const kind = kindOf(language, body);
    if (kind === null) continue;
    found.push({
      place: `${path}:${start + 1}`,
      kind,
      language,
      text: body.join('\n'),
      notRun: markerAbove(lines, start),
    });
  }
  return found;
}

function kindOf(language: string, body: readonly string[]): ExampleKind | null {
  if (CODE.has(language)) return body.some((line) => line.startsWith('export default')) ? 'hooks' : 'program';
  if (!SHELL.has(language) && language !== '') return null;
  const said = body.filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  if (said.length > 0 && said.every((line) => SETTING.test(line))) return 'settings';
  return SHELL.has(language) || said.some((line) => COMMAND_WORDS.test(line)) ? 'commands' : null;
}

function markerAbove(lines: readonly string[], fence: number): string | null {
  const above = lines.slice(Math.max(0, fence - 2), fence).join('\n');
  return /<!-- not run: (.+?) -->\s*$/.exec(above)?.[1]?.trim() ?? null;
}

/** The words of a command line as a shell would split them: quotes hold words together, `#` ends the line. */
export function wordsOf(line: string): readonly string[] {
  const words: string[] = [];
  for (const [, quoted, double, plain] of line
    .replace(/(^|\s)#.*$/, '')
    .matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g))
    words.push(quoted ?? double ?? plain ?? '');
  return words;
}

/** The arguments behind `truebook`, however a line calls it; null where it calls something else. */
export function truebookArguments(words: readonly string[]): readonly string[] | null {
  if (words[0] === 'truebook') return words.slice(1);
  const viaNpm = words.join(' ').startsWith('npm run -s truebook -- ') ? words.slice(5) : null;
  return viaNpm ?? (words.join(' ').startsWith('node -- bin/truebook.js ') ? words.slice(3) : null);
}
