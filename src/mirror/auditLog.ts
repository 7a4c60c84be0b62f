/**
 * `alpaca_sync_paper.log`: lines are only ever added, whole and in one write. The log itself says how far it has come
 * (`seq`, `run`, `imported` of its last lines), so that a kill between commit and line loses nothing and tells nothing twice.
 */
import { copyFile, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Instant } from '../domain/time.ts';
import { backUp, isMissing, makeFolder, signatureOf, stampOf, usingFile, type LogPlace } from './files.ts';

/** First event of a log of ours; a file that does not begin with it is somebody else's. */
export const LOG_STARTED = 'log_started';

const OUR_FIRST_LINE = new RegExp(`^\\S+ \\| ${LOG_STARTED} \\| .*\\bwritten_by=truebook\\b`);

/** Enough for the last lines of a run. */
const TAIL_BYTES = 65_536;

export interface LogState {
  readonly place: LogPlace | null;
  /** `foreign`: somebody else's text, to be kept before ours begins. */
  readonly kind: 'absent' | 'ours' | 'foreign';
}

/** How far the log at `path` has told the book. */
export async function readLog(path: string): Promise<LogState> {
  try {
    return await usingFile(path, 'r', async (file) => {
      const { size } = await file.stat();
      if (size === 0) return { kind: 'absent', place: null };
      const head = await file.read(Buffer.alloc(Math.min(size, 4096)), 0, Math.min(size, 4096), 0);
      const [first = ''] = head.buffer.toString('utf8', 0, head.bytesRead).split('\n');
      if (!OUR_FIRST_LINE.test(first)) return { kind: 'foreign', place: null };
      const from = Math.max(0, size - TAIL_BYTES);
      const tail = await file.read(Buffer.alloc(size - from), 0, size - from, from);
      return { kind: 'ours', place: placeOf(tail.buffer.toString('utf8', 0, tail.bytesRead)) };
    });
  } catch (error) {
    if (isMissing(error)) return { kind: 'absent', place: null };
    throw error;
  }
}

/** The furthest place that whole lines name; the rest of a line that was cut off by a crash does not count. */
function placeOf(text: string): LogPlace {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const furthest = (name: keyof LogPlace): number =>
    [...whole.matchAll(new RegExp(` \\| ${name}=(\\d+)`, 'g'))].reduce(
      (most, match) => Math.max(most, Number.parseInt(match[1] ?? '0', 10)),
      0,
    );
  return { seq: furthest('seq'), run: furthest('run'), imported: furthest('imported') };
}

export interface AppendOptions {
  readonly folder: string;
  readonly name: string;
  readonly now: Instant;
  /** Begins a new file; told whether an older part exists. */
  readonly firstLine: (before: string | null) => string;
  /** The file is put aside before it grows beyond this. */
  readonly maxBytes: number;
}

/**
 * Adds lines. A log that is too large is copied to `NAME.<time of its first line>` and cut, so that it keeps its name
 * and inode for `tail -f`; such parts are kept for good. Answers where a text that was not ours is kept now.
 */
export async function appendLines(lines: readonly string[], options: AppendOptions): Promise<string | null> {
  const { folder, name, now, firstLine, maxBytes } = options;
  const path = join(folder, name);
  await makeFolder(dirname(path));
  const { kind } = await readLog(path);
  const text = lines.map((line) => `${line}\n`).join('');
  const backup = kind === 'foreign' ? await backUpAtRest(folder, name, now) : null;
  await usingFile(path, 'a+', async (file) => {
    let { size } = await file.stat();
    let start = '';
    if (kind !== 'ours') {
      await file.truncate(0);
      size = 0;
      start = `${firstLine(backup)}\n`;
    } else if (size + Buffer.byteLength(text) > maxBytes && size > 2 * firstLine(null).length) {
      start = `${firstLine(await putAside(path))}\n`;
      await file.truncate(0);
      size = 0;
    } else {
      size = await cutTornLine(file, size);
    }
    try {
      await file.appendFile(`${start}${text}`);
    } catch (error) {
      // A disk that is full in the middle of a line: better no line than half of one.
      await file.truncate(size).catch(() => undefined);
      throw error;
    }
  });
  return backup;
}

/** Keeps somebody else's text, and what they add meanwhile. Throws where they never pause. */
async function backUpAtRest(folder: string, name: string, now: Instant): Promise<string> {
  const path = join(folder, name);
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const bytes = await readFile(path);
    const backup = await backUp(folder, name, bytes, now);
    if (bytes.equals(await readFile(path))) return backup;
  }
  throw new Error('another program is writing it.');
}

type OpenFile = Parameters<Parameters<typeof usingFile>[2]>[0];

async function cutTornLine(file: OpenFile, size: number): Promise<number> {
  const from = Math.max(0, size - TAIL_BYTES);
  const tail = await file.read(Buffer.alloc(size - from), 0, size - from, from);
  const end = tail.buffer.lastIndexOf(0x0a) + 1;
  if (end === tail.bytesRead || end === 0) return size;
  await file.truncate(from + end);
  return from + end;
}

/** Copies the log beside itself; the same part copied again after a crash has the same name. */
async function putAside(path: string): Promise<string> {
  const first = await usingFile(path, 'r', async (file) => {
    const head = await file.read(Buffer.alloc(64), 0, 64, 0);
    return head.buffer.toString('utf8', 0, head.bytesRead).split(' ')[0] ?? '';
  });
  const { size } = await stat(path);
  let aside = `${path}.${stampOf(first)}`;
  for (
    let number = 2;
    (await signatureOf(aside)) !== 'absent' && (await stat(aside)).size !== size;
    number += 1
  )
    aside = `${path}.${stampOf(first)}-${number}`;
  await copyFile(path, aside);
  await usingFile(aside, 'r+', (file) => file.sync());
  return aside.slice(dirname(path).length + 1);
}
