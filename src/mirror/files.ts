/**
 * Files that other programs read while we write them: replaced in one step, never written over without a copy unless
 * they are ours. Whether one is ours is told by the hashes of what we wrote last, kept in a small file beside them.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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
  /** Where a text that was not ours is kept now, and that text; null where there was none. */
  readonly backup: { readonly name: string; readonly text: string } | null;
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

/**
 * Brings the files to the wanted state; those that have it already are not touched. One that fails keeps none of the
 * others from being written. Answers what was written and what is remembered now.
 */
export async function replaceFiles(
  wanted: readonly WantedFile[],
  options: ReplaceOptions,
): Promise<{ readonly replaced: readonly Replaced[]; readonly memory: Memory }> {
  const { folder, memory, now, signal, onProblem } = options;
  const steps: { name: string; text: string; backup: Replaced['backup'] }[] = [];
  const files: Record<string, readonly Written[]> = { ...memory.files };
  for (const file of wanted) {
    signal.throwIfAborted();
    try {
      const path = join(folder, file.name);
      const before = await textOf(path);
      const standing = before === null ? null : sha256(before);
      const ours = (memory.files[file.name] ?? []).find((written) => written.sha256 === standing) ?? null;
      const rendered = file.render(before);
      const content = sha256(rendered);
      if (ours !== null && ours.content === content) continue;
      const text = rendered.replaceAll(LAST_UPDATED, now);
      const foreign = before !== null && ours === null && before !== text;
      const backup = foreign ? { name: await backUp(folder, file.name, now), text: before } : null;
      files[file.name] = [...(ours === null ? [] : [ours]), { sha256: sha256(text), content }];
      steps.push({ name: file.name, text, backup });
    } catch (error) {
      onProblem(file.name, error);
    }
  }
  if (steps.length === 0) return { replaced: [], memory };
  const remembered: Memory = { files, log: memory.log };
  signal.throwIfAborted();
  await writeWhole(
    join(folder, options.memoryName),
    `${JSON.stringify({ version: 1, ...remembered }, null, 2)}\n`,
  );
  const replaced: Replaced[] = [];
  for (const { name, text, backup } of steps) {
    signal.throwIfAborted();
    try {
      await writeWhole(join(folder, name), text);
      replaced.push({ name, backup });
    } catch (error) {
      onProblem(name, error);
    }
  }
  return { replaced, memory: remembered };
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

/** Takes away what a killed write left. */
export async function removeLeftovers(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(temporaryOf(join(folder, name)), { force: true });
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
  try {
    return await readFile(path, 'utf8');
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

/**
 * Keeps a copy as `NAME.bak-<stamp>`; an equal copy that is there already is enough. Answers its name. Copies are never
 * written over and never removed.
 */
export async function backUp(folder: string, name: string, now: Instant): Promise<string> {
  const path = join(folder, name);
  const bytes = await readFile(path);
  const prefix = `${basename(path)}.bak-`;
  const kept = (await readdir(dirname(path))).filter((entry) => entry.startsWith(prefix)).sort();
  for (const entry of kept) {
    const copy = join(dirname(path), entry);
    if ((await stat(copy)).size === bytes.length && hashOf(await readFile(copy)) === hashOf(bytes))
      return `${dirname(name) === '.' ? '' : `${dirname(name)}/`}${entry}`;
  }
  let backup = `${name}.bak-${stampOf(now)}`;
  for (let number = 2; kept.includes(basename(backup)); number += 1)
    backup = `${name}.bak-${stampOf(now)}-${number}`;
  await writeWhole(join(folder, backup), bytes);
  return backup;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Temporary file in the same folder -> fsync -> rename -> fsync of the folder: whoever reads sees the old text or the
 * new one, also after a power cut. Only the holder of the account's lease writes, so the temporary name is fixed.
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = temporaryOf(path);
  try {
    await usingFile(temporary, 'w', async (file) => {
      await file.writeFile(content);
      await file.sync();
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.truebook-tmp`);
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
