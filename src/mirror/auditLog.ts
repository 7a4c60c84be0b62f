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

/** Enough for the last lines of most runs; what does not stand there is looked for further back. */
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
      return { kind: 'ours', place: await placeIn(file, size) };
    });
  } catch (error) {
    if (isMissing(error)) return { kind: 'absent', place: null };
    throw error;
  }
}

/**
 * The furthest place that whole lines name; the rest of a line that was cut off by a crash does not count. Only the
 * lines of some events name a run or an import, and thousands of others may follow them: read backwards until each
 * part of the place is found. The first line has them all.
 */
async function placeIn(file: OpenFile, size: number): Promise<LogPlace> {
  const place = { seq: 0, run: 0, imported: 0 };
  const missing = new Set(Object.keys(place) as (keyof LogPlace)[]);
  let end = await wholeLines(file, size);
  for (let span = TAIL_BYTES; end > 0 && missing.size > 0;) {
    const from = Math.max(0, end - span);
    const bytes = await bytesBetween(file, from, end);
    // Half a line at the front belongs to the part before.
    const start = from === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1;
    if (from > 0 && start === bytes.length) {
      span *= 2;
      continue;
    }
    const text = bytes.toString('utf8', start);
    for (const name of missing) {
      const found = furthest(text, name);
      if (found === null) continue;
      place[name] = found;
      missing.delete(name);
    }
    end = from + start;
    span = TAIL_BYTES;
  }
  return place;
}

function furthest(text: string, name: keyof LogPlace): number | null {
  let most: number | null = null;
  for (const match of text.matchAll(new RegExp(` \\| ${name}=(\\d+)`, 'g')))
    most = Math.max(most ?? 0, Number.parseInt(match[1] ?? '0', 10));
  return most;
}

const LINE_FEED = 0x0a;

/** Where the last whole line ends. */
async function wholeLines(file: OpenFile, size: number): Promise<number> {
  for (let end = size; end > 0;) {
    const from = Math.max(0, end - TAIL_BYTES);
    const feed = (await bytesBetween(file, from, end)).lastIndexOf(LINE_FEED);
    if (feed >= 0) return from + feed + 1;
    end = from;
  }
  return 0;
}

async function bytesBetween(file: OpenFile, from: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from);
  return buffer.subarray(0, bytesRead);
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
  const end = await wholeLines(file, size);
  if (end < size) await file.truncate(end);
  return end;
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
