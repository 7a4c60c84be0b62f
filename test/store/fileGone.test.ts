/** The file of a running SQLite database is renamed, deleted or replaced: nothing may be acknowledged that nobody finds again. */
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it, afterEach } from 'vitest';
import { openDatabase } from '../../src/store/open.ts';
import { closeAll, emptyDatabase, later, openTestDatabase, stillClock } from './databases.ts';
import { commitOf, ready } from './samples.ts';

afterEach(closeAll);

const gone = { code: 'storage_unreachable', retry: 'later' };

it('a file that was moved away takes no write and no checkpoint, is still read, and goes on when it is back', async () => {
  const { store, url } = await openTestDatabase('sqlite');
  const { account, lease } = await ready(store);
  const file = url.slice('sqlite:'.length);
  renameSync(file, `${file}.elsewhere`);
  await expect(store.commitRun(commitOf(lease))).rejects.toMatchObject(gone);
  await expect(store.commitRun(commitOf(lease))).rejects.toThrow('is gone while Truebook runs');
  await expect(store.maintain()).rejects.toMatchObject(gone);
  expect((await store.accounts()).map((row) => row.id)).toEqual([account.id]);
  renameSync(`${file}.elsewhere`, file);
  expect((await store.commitRun(commitOf(lease))).accountId).toBe(account.id);
  await store.maintain();
});

it('a file that was replaced by a copy of itself takes no write', async () => {
  const { store, url } = await openTestDatabase('sqlite');
  const { lease } = await ready(store);
  const file = url.slice('sqlite:'.length);
  copyFileSync(file, `${file}.copy`);
  renameSync(`${file}.copy`, file);
  await expect(store.commitRun(commitOf(lease))).rejects.toThrow('was replaced by another file');
  rmSync(file);
  writeFileSync(file, '');
  await expect(store.commitRun(commitOf(lease))).rejects.toMatchObject(gone);
});

it('a write that stood in the queue while the file was moved away is refused too', async () => {
  const url = await emptyDatabase('sqlite');
  const database = await openDatabase({ url, clock: stillClock(), allowUnsafeDurability: true });
  later(() => database.close());
  const file = url.slice('sqlite:'.length);
  let letGo: (() => void) | null = null;
  const first = database.write(() => new Promise<void>((resolve) => (letGo = resolve)));
  let ran = false;
  const second = database.write(() => Promise.resolve((ran = true)));
  const refused = expect(second).rejects.toMatchObject(gone);
  while (letGo === null) await new Promise((resolve) => setImmediate(resolve));
  renameSync(file, `${file}.elsewhere`);
  (letGo as () => void)();
  await first;
  await refused;
  expect(ran).toBe(false);
  renameSync(`${file}.elsewhere`, file);
});
