/** Replacing files that other programs write and link at the same time: nothing of theirs is lost. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseInstant } from '../../src/domain/time.ts';
import {
  backUp,
  COPIES_KEPT,
  readMemory,
  removeLeftovers,
  removeSpentCopies,
  replaceFiles,
  writeWhole,
  type Replaced,
  type WantedFile,
} from '../../src/mirror/files.ts';

const NAME = 'positions.csv';
const MEMORY = '.truebook-mirror-x.json';
const NOW = parseInstant('2025-08-21T16:00:00Z');
const BACKUP = `${NAME}.bak-20250821T160000Z`;

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'truebook-mirror-'));
  folder = join(root, 'mirror');
  mkdirSync(folder);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (name: string, text: string | Uint8Array): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
};
const text = (name: string): string => readFileSync(join(folder, name), 'utf8');
const files = (): string[] => readdirSync(folder).sort();

async function replace(
  render: WantedFile['render'],
  name = NAME,
): Promise<{ replaced: readonly Replaced[]; problems: string[] }> {
  const problems: string[] = [];
  const { replaced } = await replaceFiles([{ name, render }], {
    folder,
    memoryName: MEMORY,
    memory: await readMemory(folder, MEMORY),
    now: NOW,
    signal: new AbortController().signal,
    onProblem: (file, error) => problems.push(`${file}: ${(error as Error).message}`),
  });
  return { replaced, problems };
}

describe('a file that somebody writes between our reading and our writing', () => {
  it.each([null, 'theirs\n'])('is kept, whatever stood there before: %j', async (before) => {
    if (before !== null) put(NAME, before);
    let asked = 0;
    const { replaced, problems } = await replace((standing) => {
      asked += 1;
      if (asked === 1) put(NAME, 'written meanwhile\n');
      return `ours after ${standing}`;
    });
    expect(problems).toEqual([]);
    // What it wrote is taken into account as if it had stood there at once.
    expect(text(NAME)).toBe('ours after written meanwhile\n');
    const kept = replaced[0]!.backups.map((backup) => backup.text);
    expect(kept).toEqual(before === null ? ['written meanwhile\n'] : [before, 'written meanwhile\n']);
    expect(replaced[0]!.backups.map(({ name }) => text(name))).toEqual(kept);
    expect((await replace(() => 'ours after written meanwhile\n')).replaced).toEqual([]);
  });

  it('and replaces ours with, is kept too', async () => {
    await replace(() => 'ours 1\n');
    let asked = 0;
    await replace(() => {
      if (asked++ === 0) put(NAME, 'written meanwhile\n');
      return 'ours 2\n';
    });
    expect(text(NAME)).toBe('ours 2\n');
    expect(text(BACKUP)).toBe('written meanwhile\n');
  });

  it('and deletes, is written', async () => {
    put(NAME, 'theirs\n');
    let asked = 0;
    await replace(() => {
      if (asked++ === 0) rmSync(join(folder, NAME));
      return 'ours\n';
    });
    expect(text(NAME)).toBe('ours\n');
    expect(text(BACKUP)).toBe('theirs\n');
  });

  it('again and again, is left alone and told; the next run writes it', async () => {
    let asked = 0;
    const { replaced, problems } = await replace(() => {
      asked += 1;
      put(NAME, `state ${asked}\n`);
      return 'ours\n';
    });
    expect({ replaced, problems, asked }).toEqual({
      replaced: [],
      problems: [`${NAME}: another program is writing it.`],
      asked: 3,
    });
    expect(text(NAME)).toBe('state 3\n');
    expect((await replace(() => 'ours\n')).replaced).toHaveLength(1);
    expect(text(NAME)).toBe('ours\n');
    expect(files().map((name) => text(name))).toContain('state 3\n');
  });

  it('is kept byte by byte, also where its bytes are no text', async () => {
    const bytes = [Buffer.from([0x61, 0xff, 0x0a]), Buffer.from([0x61, 0xfe, 0x0a])];
    put(NAME, bytes[0]!);
    let asked = 0;
    await replace(() => {
      if (asked++ === 0) put(NAME, bytes[1]!);
      return 'ours\n';
    });
    expect([BACKUP, `${BACKUP}-2`].map((name) => readFileSync(join(folder, name)))).toEqual(bytes);
  });
});

describe('links', () => {
  it('a file that is a link is written where it points to, and stays a link; the copy stands in our folder', async () => {
    mkdirSync(join(root, 'bot'));
    writeFileSync(join(root, 'bot', 'data.csv'), 'theirs\n');
    symlinkSync(join('..', 'bot', 'data.csv'), join(folder, NAME));
    await replace(() => 'ours 1\n');
    await replace(() => 'ours 2\n');
    expect(readlinkSync(join(folder, NAME))).toBe(join('..', 'bot', 'data.csv'));
    expect(readFileSync(join(root, 'bot', 'data.csv'), 'utf8')).toBe('ours 2\n');
    expect(readdirSync(join(root, 'bot'))).toEqual(['data.csv']);
    expect(files()).toEqual([MEMORY, NAME, BACKUP].sort());
    expect(text(BACKUP)).toBe('theirs\n');
  });

  it('a link through links to a file that is not there yet makes that file', async () => {
    mkdirSync(join(root, 'deep', 'bot'), { recursive: true });
    symlinkSync(join(root, 'deep', 'bot'), join(root, 'bot'));
    symlinkSync(join('..', 'data.csv'), join(root, 'deep', 'bot', 'second'));
    symlinkSync(join(root, 'bot', 'second'), join(folder, NAME));
    expect((await replace(() => 'ours\n')).problems).toEqual([]);
    expect(readFileSync(join(root, 'deep', 'data.csv'), 'utf8')).toBe('ours\n');
    expect(lstatSync(join(folder, NAME)).isSymbolicLink()).toBe(true);
  });

  it('links in a circle are told and hurt no other file', async () => {
    symlinkSync('other', join(folder, NAME));
    symlinkSync(NAME, join(folder, 'other'));
    expect((await replace(() => 'ours\n')).problems).toEqual([`${NAME}: its links go in circles.`]);
    expect(files()).toEqual(['other', NAME]);
  });

  it('one that lies at a temporary name is not followed', async () => {
    writeFileSync(join(root, 'precious'), 'precious');
    for (const name of [`.${NAME}.truebook-tmp`, `.${MEMORY}.truebook-tmp`])
      symlinkSync(join(root, 'precious'), join(folder, name));
    await replace(() => 'ours\n');
    expect(text(NAME)).toBe('ours\n');
    expect(lstatSync(join(folder, NAME)).isSymbolicLink()).toBe(false);
    await removeLeftovers(folder, [NAME, MEMORY]);
    expect(files()).toEqual([MEMORY, NAME]);
    expect(readFileSync(join(root, 'precious'), 'utf8')).toBe('precious');
  });

  it('one with the name of a copy is not taken for one, nor written through', async () => {
    symlinkSync(join(root, 'nowhere'), join(folder, BACKUP));
    put(NAME, 'theirs\n');
    expect((await replace(() => 'ours\n')).problems).toEqual([]);
    expect(text(`${BACKUP}-2`)).toBe('theirs\n');
    expect(readdirSync(root)).toEqual(['mirror']);
  });
});

describe('copies of a program that goes on writing', () => {
  const copies = (): string[] => files().filter((name) => name.includes('.bak-'));
  const spoil = async (state: number, now = NOW): Promise<void> => {
    await backUp(folder, NAME, Buffer.from(`state ${state}\n`), now);
  };

  it('the first and the newest stay, in the order they were made, also within a second and when the clock goes back', async () => {
    const earlier = parseInstant('2025-08-21T15:00:00Z');
    for (let state = 1; state <= 30; state += 1) await spoil(state, state > 15 ? earlier : NOW);
    put(`${NAME}.bak-mine`, 'of the user');
    put(`${NAME}.bak-20250821T160000Z-2.old`, 'of the user');
    expect(await removeSpentCopies(folder, NAME, () => Promise.resolve(true))).toBe(9);
    expect(text(`${NAME}.bak-mine`)).toBe('of the user');
    expect(text(`${NAME}.bak-20250821T160000Z-2.old`)).toBe('of the user');
    const states = copies()
      .map((name) => text(name))
      .filter((one) => one.startsWith('state'))
      .map((one) => Number(one.slice(6)));
    expect(states.sort((left, right) => left - right)).toEqual([
      1,
      ...Array.from({ length: COPIES_KEPT }, (_, index) => 11 + index),
    ]);
    expect(await removeSpentCopies(folder, NAME, () => Promise.resolve(true))).toBe(0);
    await spoil(31, earlier);
    expect(text(`${BACKUP}-31`)).toBe('state 31\n');
  });

  it('one that still holds something stays', async () => {
    for (let state = 1; state <= 25; state += 1) await spoil(state);
    expect(
      await removeSpentCopies(folder, NAME, (_copy, standing) => Promise.resolve(standing !== 'state 3\n')),
    ).toBe(3);
    expect(text(`${BACKUP}-3`)).toBe('state 3\n');
    expect(copies()).toHaveLength(22);
  });

  it('few of them all stay', async () => {
    for (let state = 1; state <= COPIES_KEPT + 1; state += 1) await spoil(state);
    expect(await removeSpentCopies(folder, NAME, () => Promise.resolve(true))).toBe(0);
  });
});

it('two writings of one file at once do not touch each other: one of them stands there whole', async () => {
  const path = join(folder, NAME);
  const texts = Array.from({ length: 8 }, (_, index) => `${String(index).repeat(200_000)}\n`);
  await Promise.all(texts.map((one) => writeWhole(path, one)));
  expect(texts).toContain(text(NAME));
  expect(files()).toEqual([NAME]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('leftovers of a file, of its copies and beside what a link points to are taken away, nothing else', async () => {
  mkdirSync(join(root, 'bot'));
  symlinkSync(join(root, 'bot', 'data.csv'), join(folder, NAME));
  const leftovers = [
    join(folder, `.${NAME}.truebook-tmp-AbC123`, NAME),
    join(folder, `.${BACKUP}.truebook-tmp-AbC123`, BACKUP),
    join(root, 'bot', '.data.csv.truebook-tmp-AbC123', 'data.csv'),
  ];
  const others = [join(folder, '.other.csv.truebook-tmp-AbC123'), join(root, 'bot', '.data.csv.swp')];
  for (const path of leftovers) mkdirSync(path, { recursive: true });
  for (const path of others) writeFileSync(path, '');
  await removeLeftovers(folder, [NAME, 'logs/absent.csv']);
  expect(files()).toEqual(['.other.csv.truebook-tmp-AbC123', NAME]);
  expect(readdirSync(join(root, 'bot'))).toEqual(['.data.csv.swp']);
});
