import { spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import pg from 'pg';
import { expect, it } from 'vitest';
import { startPostgres } from '../postgres.ts';
import { createTestDatabase } from '../testDatabase.ts';

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

it('gives every caller an empty database of its own on the server of the run', async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await ask(one, 'CREATE TABLE note (text text)');
  const tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
  expect(await ask(one, tables)).toEqual([{ tablename: 'note' }]);
  expect(await ask(two, tables)).toEqual([]);
});

it('starts a server of its own with fsync on, and leaves nothing behind', async () => {
  const postgres = await startPostgres({ fsync: 'on' });
  const [{ fsync }, { folder }] = (await Promise.all([
    ask(postgres.url, 'SHOW fsync').then((rows) => rows[0]),
    ask(postgres.adminUrl, "SELECT current_setting('data_directory') AS folder").then((rows) => rows[0]),
  ])) as [{ fsync: string }, { folder: string }];
  expect(fsync).toBe('on');
  await access(folder);
  await postgres.stop();
  await postgres.stop();
  await expect(ask(postgres.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  await expect(access(folder)).rejects.toThrow('ENOENT');
});

it('wants the password', async () => {
  const url = new URL(await createTestDatabase());
  url.password = 'wrong';
  await expect(ask(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
});

it('stops the server when the process that started it is killed', async () => {
  const program = `
    import { startPostgres } from ${JSON.stringify(new URL('../postgres.ts', import.meta.url).href)};
    console.log((await startPostgres({ fsync: 'off' })).url);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve) => {
    child.stdout.once('data', (text: Buffer) => {
      resolve(text.toString().trim());
    });
  });
  const [row] = await ask(url, "SELECT current_setting('data_directory') AS folder");
  const folder = String(row?.['folder']);
  const pid = Number.parseInt(await readFile(`${folder}/postmaster.pid`, 'utf8'), 10);
  expect(process.kill(pid, 0)).toBe(true);
  child.kill('SIGKILL');
  await expect.poll(() => ask(url, 'SELECT 1').catch(String), { timeout: 20_000 }).toContain('ECONNREFUSED');
  await expect.poll(() => access(folder).catch(String), { timeout: 20_000 }).toContain('ENOENT');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it('uses an existing server when told to, and drops what it made there', async () => {
  const server = await startPostgres({ fsync: 'off' });
  process.env['TRUEBOOK_TEST_POSTGRES_URL'] = server.adminUrl;
  try {
    const guest = await startPostgres();
    expect(guest.adminUrl).toBe(server.adminUrl);
    const own = await guest.createDatabase();
    expect(await ask(own, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await guest.stop();
    await expect(ask(own, 'SELECT 1')).rejects.toThrow('does not exist');
    expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  } finally {
    delete process.env['TRUEBOOK_TEST_POSTGRES_URL'];
    await server.stop();
  }
});
