/** Reads one settings file into named texts with their line. Knows the two spellings, not what the names mean. */
import { readFileSync, statSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Document, Node, YAMLMap } from 'yaml';
import { errorText, TruebookError } from '../domain/errors.ts';

const LONGEST_FILE_BYTES = 1_000_000;

export interface FileEntry {
  readonly name: string;
  /** The source text: `1.0` stays `1.0`, nothing becomes a JavaScript number on the way. */
  readonly text: string;
  readonly line: number | null;
}

/** One `connections:` item of a YAML file. */
export interface FileConnection {
  /** null: the item is no list of names and values. Only a file of ours minds. */
  readonly entries: readonly FileEntry[] | null;
  readonly line: number;
}

export interface FileContent {
  readonly entries: readonly FileEntry[];
  /** Names whose value is a map or list: foreign to us, an error where we know the name. */
  readonly nested: readonly FileEntry[];
  readonly connections: readonly FileConnection[];
  /** By its mode bits, which mean nothing on Windows. */
  readonly readableByOthers: boolean;
}

/** The content of a settings file, or null when there is none. Throws `config` when it is there but cannot be read. */
export function readSettingsFile(path: string): FileContent | null {
  let text: string;
  let mode: number;
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return null;
    if (facts.size > LONGEST_FILE_BYTES) throw new Error('it is larger than 1 MB');
    mode = facts.mode;
    text = readFileSync(path, 'utf8')
      .replace(/^\uFEFF/, '')
      .replaceAll('\r\n', '\n');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new TruebookError('config', `The settings file ${path} cannot be read: ${errorText(cause)}.`, {
      hint: 'Check that the file belongs to you and is a text file.',
      cause,
    });
  }
  const content = /\.ya?ml$/i.test(path) ? readYaml(text, path) : readDotenv(text);
  return { ...content, readableByOthers: (mode & 0o077) !== 0 };
}

type Parsed = Omit<FileContent, 'readableByOthers'>;

function readDotenv(text: string): Parsed {
  const lines = text.split('\n');
  const entries: FileEntry[] = [];
  for (const [name, value] of Object.entries(parseEnv(text))) {
    const assignment = new RegExp(`^\\s*(?:export\\s+)?${name.replace(/[^\w]/g, '\\$&')}\\s*=`);
    const index = lines.findLastIndex((line) => assignment.test(line));
    entries.push({ name, text: value ?? '', line: index < 0 ? null : index + 1 });
  }
  return { entries, nested: [], connections: [] };
}

function readYaml(text: string, path: string): Parsed {
  const lineCounter = new LineCounter();
  // The failsafe schema keeps every scalar as its source text, so decimals keep their digits.
  const documents = parseAllDocuments(text, { schema: 'failsafe', lineCounter, prettyErrors: false });
  const document = Array.isArray(documents) ? documents[0] : undefined;
  if (document === undefined || document.contents === null)
    return { entries: [], nested: [], connections: [] };
  const lineOf = (node: { range?: readonly number[] | null } | null | undefined): number =>
    lineCounter.linePos(node?.range?.[0] ?? 0).line;

  const problem = document.errors[0];
  if (problem !== undefined) {
    // Its own message may quote the line, and the line may hold a secret.
    const what = problem.code.toLowerCase().replaceAll('_', ' ');
    throw notYaml(path, lineCounter.linePos(problem.pos[0]).line, what);
  }
  const root = document.contents;
  if (!isMap(root)) {
    if (isScalar(root) && root.value === '') return { entries: [], nested: [], connections: [] };
    throw notYaml(path, 1, 'the file must be a list of NAME: value lines');
  }
  const { entries, nested } = readMap(root, document as Document, lineOf);
  const connections: FileConnection[] = [];
  const pair = root.items.find(
    (candidate) => isScalar(candidate.key) && candidate.key.value === 'connections',
  );
  const list = pair?.value;
  // One word where a list belongs is as wrong as a map: told by whoever is strict.
  if (pair !== undefined && isScalar(list) && list.value !== null) {
    nested.push({ name: 'connections', text: '', line: lineOf(pair.key as Node) });
  }
  if (isSeq(list)) {
    for (const item of list.items) {
      const read = isMap(item) ? readMap(item, document as Document, lineOf).entries : null;
      connections.push({ entries: read, line: lineOf(item as Node) });
    }
  }
  return { entries, nested, connections };
}

function readMap(
  map: YAMLMap,
  document: Document,
  lineOf: (node: { range?: readonly number[] | null } | null) => number,
): { entries: FileEntry[]; nested: FileEntry[] } {
  const entries: FileEntry[] = [];
  const nested: FileEntry[] = [];
  for (const pair of map.items) {
    if (!isScalar(pair.key)) continue;
    const name = String(pair.key.value);
    const line = lineOf(pair.key);
    const value = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
    if (isScalar(value)) {
      const empty = value.type === 'PLAIN' && /^(~|null)?$/i.test(String(value.value));
      entries.push({ name, text: empty ? '' : String(value.value), line });
    } else if (isSeq(value) && value.items.every((item) => isScalar(item))) {
      // A list of plain words is another spelling of `a,b`.
      entries.push({ name, text: value.items.map((item) => String(item.value)).join(','), line });
    } else if (value === null) {
      entries.push({ name, text: '', line });
    } else {
      nested.push({ name, text: '', line });
    }
  }
  return { entries, nested };
}

function notYaml(path: string, line: number, what: string): TruebookError {
  return new TruebookError('config', `${path} line ${line} cannot be understood: ${what}.`, {
    hint: 'Correct that line; each setting is one line `NAME: value`.',
  });
}
