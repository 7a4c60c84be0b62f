/**
 * Files that other programs read while we write them: replaced in one step, never written over without a copy unless
 * they are ours. Whether one is ours is told by the hashes of what we wrote last, kept in a small file beside them.
 */
import { createHash } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { sha256 } from '../domain/contentHash.ts';
import { type Instant } from '../domain/time.ts';

/** One text we wrote: as it stood in the file, and without the time of writing. */
interface Written {
  readonly sha256: string;
  readonly content: string;
}

/** How far the audit log has told the book. */
export interface LogPlace {
  readonly seq: number;
  readonly run: number;
  readonly imported: number;
}

/** What is remembered of an account's files. Two texts each: a kill between remembering and writing leaves the older. */
export interface Memory {
  readonly files: Readonly<Record<string, readonly Written[]>>;
  readonly log: LogPlace | null;
}

/**
 * Stands in a wanted text where the time of writing goes: the only part that may differ without being a change. A
 * character of private use, which no broker's text has (and if it had, it would show a time).
 */
export const LAST_UPDATED = '\uE000';

/** A file as it should be. */
export interface WantedFile {
  /** Below the folder, with `/`. */
  readonly name: string;
  /** `before` is the text that stands there, null without a file. */
  render(before: string | null): string;
}

export interface Replaced {
  readonly name: string;
  /** Where texts that were not ours are kept now, and those texts; several where somebody wrote meanwhile. */
  readonly backups: readonly Backup[];
}

export interface Backup {
  readonly name: string;
  readonly text: string;
}

export interface ReplaceOptions {
  readonly folder: string;
  readonly memoryName: string;
  readonly memory: Memory;
  readonly now: Instant;
  /** Stop before the next step. */
  readonly signal: AbortSignal;
  readonly onProblem: (name: string, error: unknown) => void;
}

/** In the names of temporary files, which are hidden ones. */
const TEMPORARY = '.truebook-tmp';

/** How often a file is looked at again that somebody writes while we do. */
const ATTEMPTS = 3;

/**
 * Brings the files to the wanted state; those that have it already are not touched. One that fails keeps none of the
 * others from being written. What somebody writes meanwhile is not written over: the file is looked at again, and one
 * that does not come to rest is a problem. Answers what was written and what is remembered now.
 */
export async function replaceFiles(
  wanted: readonly WantedFile[],
  options: ReplaceOptions,
): Promise<{ readonly replaced: readonly Replaced[]; readonly memory: Memory }> {
  let { memory } = options;
  let due = wanted;
  const backups = new Map<string, Backup[]>();
  const replaced: Replaced[] = [];
  for (let attempt = 1; due.length > 0; attempt += 1) {
    const round = await replaceOnce(due, { ...options, memory }, backups);
    ({ memory } = round);
    for (const name of round.written) replaced.push({ name, backups: backups.get(name) ?? [] });
    due = round.moved;
    if (attempt < ATTEMPTS) continue;
    for (const { name } of due) options.onProblem(name, new Error('another program is writing it.'));
    break;
  }
  return { replaced, memory };
}

interface Round {
  readonly memory: Memory;
  readonly written: readonly string[];
  /** Changed by somebody between our reading and our writing. */
  readonly moved: readonly WantedFile[];
}

async function replaceOnce(
  wanted: readonly WantedFile[],
  { folder, memoryName, memory, now, signal, onProblem }: ReplaceOptions,
  backups: Map<string, Backup[]>,
): Promise<Round> {
  const steps: { file: WantedFile; target: string; text: string; standing: string | null }[] = [];
  const files: Record<string, readonly Written[]> = { ...memory.files };
  for (const file of wanted) {
    signal.throwIfAborted();
    try {
      const target = await targetOf(join(folder, file.name));
      const bytes = await bytesOf(target);
      const before = bytes?.toString('utf8') ?? null;
      const standing = bytes === null ? null : hashOf(bytes);
      const ours = (memory.files[file.name] ?? []).find((written) => written.sha256 === standing) ?? null;
      const rendered = file.render(before);
      const content = sha256(rendered);
      if (ours !== null && ours.content === content) continue;
      const text = rendered.replaceAll(LAST_UPDATED, now);
      const written: Written = { sha256: sha256(text), content };
      if (bytes !== null && before !== null && ours === null && standing !== written.sha256) {
        const name = await backUp(folder, file.name, bytes, now);
        backups.set(file.name, [...(backups.get(file.name) ?? []), { name, text: before }]);
      }
      files[file.name] = [...(ours === null ? [] : [ours]), written];
      steps.push({ file, target, text, standing });
    } catch (error) {
      onProblem(file.name, error);
    }
  }
  if (steps.length === 0) return { memory, written: [], moved: [] };
  const remembered: Memory = { files, log: memory.log };
  signal.throwIfAborted();
  await writeWhole(join(folder, memoryName), `${JSON.stringify({ version: 1, ...remembered }, null, 2)}\n`);
  const written: string[] = [];
  const moved: WantedFile[] = [];
  for (const { file, target, text, standing } of steps) {
    signal.throwIfAborted();
    try {
      const isStill = async (): Promise<boolean> => {
        signal.throwIfAborted();
        const bytes = await bytesOf(target);
        return (bytes === null ? null : hashOf(bytes)) === standing;
      };
      if (await writeWhole(target, text, isStill)) written.push(file.name);
      else moved.push(file);
    } catch (error) {
      onProblem(file.name, error);
    }
  }
  return { memory: remembered, written, moved };
}

/** What is remembered; nothing where that file is missing or broken, and then every file counts as somebody else's. */
export async function readMemory(folder: string, memoryName: string): Promise<Memory> {
  const text = await textOf(join(folder, memoryName));
  try {
    const { files, log } = JSON.parse(text ?? '') as Partial<Memory>;
    if (typeof files === 'object' && files !== null) return { files, log: log ?? null };
  } catch {
    // Treated like a missing one: the price is a backup too many.
  }
  return { files: {}, log: null };
}

/**
 * Takes away what killed writes left. Another installation that writes into the same folder at this very moment loses
 * its temporary file: its write fails, and is done again after its next run.
 */
export async function removeLeftovers(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(folder, name);
    const target = await targetOf(path);
    for (const place of path === target ? [path] : [path, target]) {
      const parent = dirname(place);
      for (const entry of await entriesOf(parent)) {
        // Those of its copies begin like it, too.
        if (!entry.startsWith(`.${basename(place)}.`) || !entry.includes(TEMPORARY)) continue;
        await rm(join(parent, entry), { recursive: true, force: true });
      }
    }
  }
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** As many as the systems we know follow themselves. */
const LINKS_MAX = 40;

/**
 * Where a file really stands: a link is followed, also one to a file that is not there yet, so that it stays a link.
 * Throws for links that go in circles.
 */
async function targetOf(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links <= LINKS_MAX; links += 1) {
    let link: string;
    try {
      link = await readlink(target);
    } catch {
      // No link, or nothing at all; whatever else is wrong with it, reading says so.
      return target;
    }
    target = resolve(await realpath(dirname(target)), link);
  }
  throw new Error('its links go in circles.');
}

/** Changes when somebody touches the file; `absent` without one. */
export async function signatureOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    if (isMissing(error)) return 'absent';
    throw error;
  }
}

/** Null without a file. */
export async function textOf(path: string): Promise<string | null> {
  return (await bytesOf(path))?.toString('utf8') ?? null;
}

async function bytesOf(path: string): Promise<Buffer | null> {
  try {
    // A pipe or a device would keep its reader waiting for ever.
    const found = await stat(path);
    if (!found.isFile() && !found.isDirectory()) throw new Error('it is no ordinary file');
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Made with 0700; one that exists keeps its rights. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** `2025-08-21T16:00:00Z` -> `20250821T160000Z`. */
export function stampOf(instant: string): string {
  return `${instant.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

interface Copy {
  /** In the folder of the file. */
  readonly entry: string;
  readonly stamp: string;
  readonly number: number;
  readonly isFile: boolean;
}

/** The copies of a file, the oldest first; what somebody else named like one in part is none. */
async function copiesOf(folder: string, name: string): Promise<readonly Copy[]> {
  const prefix = `${basename(name)}.bak-`;
  const copies: Copy[] = [];
  for (const entry of await readdir(dirname(join(folder, name)), { withFileTypes: true })) {
    const match = /^(\d{8}T\d{6}Z)(?:-(\d{1,9}))?$/.exec(
      entry.name.startsWith(prefix) ? entry.name.slice(prefix.length) : '',
    );
    if (match === null) continue;
    const [, stamp = '', number = '1'] = match;
    copies.push({ entry: entry.name, stamp, number: Number.parseInt(number, 10), isFile: entry.isFile() });
  }
  return copies.sort((left, right) =>
    left.stamp === right.stamp ? left.number - right.number : left.stamp < right.stamp ? -1 : 1,
  );
}

/** `logs/x.csv` and `y` -> `logs/y`. */
function beside(name: string, entry: string): string {
  return dirname(name) === '.' ? entry : `${dirname(name)}/${entry}`;
}

/**
 * Keeps these bytes of a file as `NAME.bak-<stamp>`; an equal copy that is there already is enough. Answers its name.
 * Copies are never written over. A clock that was turned back gives no older name than the newest copy has.
 */
export async function backUp(folder: string, name: string, bytes: Uint8Array, now: Instant): Promise<string> {
  const copies = await copiesOf(folder, name);
  for (const { entry, isFile } of copies) {
    if (!isFile) continue;
    const copy = join(folder, beside(name, entry));
    if ((await stat(copy)).size === bytes.length && hashOf(await readFile(copy)) === hashOf(bytes))
      return beside(name, entry);
  }
  const newest = copies.at(-1);
  const isFirstOfItsTime = newest === undefined || newest.stamp < stampOf(now);
  const suffix = isFirstOfItsTime ? stampOf(now) : `${newest.stamp}-${newest.number + 1}`;
  const backup = beside(name, `${basename(name)}.bak-${suffix}`);
  await writeWhole(join(folder, backup), bytes);
  return backup;
}

/** How many copies of a file are kept beside the first, which is what stood there before us. */
export const COPIES_KEPT = 20;

/** How many copies are looked at each time. */
const COPIES_LOOKED_AT = 20;

/**
 * Removes copies of a program that goes on writing a file of ours: the first and the newest `COPIES_KEPT` stay, and
 * those of which `isSpent` says no. Answers how many went.
 */
export async function removeSpentCopies(
  folder: string,
  name: string,
  isSpent: (copy: string, text: string) => Promise<boolean>,
): Promise<number> {
  const copies = (await copiesOf(folder, name)).filter(({ isFile }) => isFile);
  let removed = 0;
  for (const { entry } of copies.slice(1, -COPIES_KEPT).slice(0, COPIES_LOOKED_AT)) {
    const copy = beside(name, entry);
    if (!(await isSpent(copy, await readFile(join(folder, copy), 'utf8')))) continue;
    await rm(join(folder, copy), { force: true });
    removed += 1;
  }
  return removed;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Temporary file beside it -> fsync -> rename -> fsync of the folder: whoever reads sees the old text or the new one,
 * also after a power cut. The temporary file is in a fresh folder of 0700, whose name nobody can have laid a link at and
 * no other installation uses. `isStill` is asked right before the rename; false leaves the file and answers false.
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  isStill: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<boolean> {
  const parent = dirname(path);
  await makeFolder(parent);
  const fresh = await mkdtemp(join(parent, `.${basename(path)}${TEMPORARY}-`));
  try {
    const temporary = join(fresh, basename(path));
    await usingFile(temporary, 'wx', async (file) => {
      await file.writeFile(content);
      await file.sync();
    });
    if (!(await isStill())) return false;
    await rename(temporary, path);
  } finally {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
  }
  await syncFolder(parent);
  return true;
}

export async function usingFile<Result>(
  path: string,
  flags: string,
  use: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, flags, 0o600);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  try {
    await usingFile(folder, 'r', (handle) => handle.sync());
  } catch {
    // Windows cannot open folders, and some network file systems refuse to sync one; the file itself is safe.
  }
}
