/** PostgreSQL only: transactions that the server or the wire ends. The outcome is looked up, never guessed. */
import { createServer, connect, type Socket } from 'node:net';
import pg from 'pg';
import { afterEach, expect, it } from 'vitest';
import { closeAll, later, openTestDatabase } from './databases.ts';
import { AAPL, AT, commitOf, fill, ready } from './samples.ts';

afterEach(closeAll);

/** What the proxy does to the next COMMIT it sees. `drop-answer`: it takes effect. `drop-commit`: it never arrives. */
type Fault = 'drop-answer' | 'drop-commit';

interface Proxy {
  readonly port: number;
  fault: Fault | null;
  /** COMMITs that a fault hit. */
  hits: number;
}

/** A wire to the server that can be cut at COMMIT. */
async function startProxy(host: string, port: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, host);
    let cut = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (part: Buffer) => {
      if (proxy.fault !== null && /commit\0/i.test(part.toString('latin1'))) {
        cut = true;
        proxy.hits += 1;
        if (proxy.fault === 'drop-commit') client.destroy();
        proxy.fault = null;
      }
      upstream.write(part);
    });
    upstream.on('data', (part: Buffer) => {
      // The server has answered the COMMIT: it took effect, and nobody hears of it.
      if (cut) client.destroy();
      else client.write(part);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const proxy: Proxy = { port: address.port, fault: null, hits: 0 };
  later(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return proxy;
}

async function behindProxy() {
  const direct = await openTestDatabase('postgres');
  const url = new URL(direct.url);
  const proxy = await startProxy(url.hostname, Number.parseInt(url.port, 10));
  url.port = String(proxy.port);
  const { store } = await openTestDatabase('postgres', { url: url.href });
  return { direct, proxy, store, ...(await ready(store)) };
}

it('finds the run whose answer was lost, and does not write it again', async () => {
  const { direct, proxy, store, lease } = await behindProxy();
  proxy.fault = 'drop-answer';
  const run = await store.commitRun(commitOf(lease, { revisions: [fill('FILL:1')] }));
  expect(proxy.hits).toBe(1);
  expect(run).toMatchObject({ id: 1, outcome: 'complete' });
  expect(await direct.store.runs({ limit: 9 })).toEqual([run]);
  expect(await direct.store.ledger({})).toHaveLength(1);
  expect(await direct.store.verifyChains({})).toMatchObject({ ok: true, rows: 2 });
});

it('writes a run again whose COMMIT never arrived, exactly once', async () => {
  const { direct, proxy, store, lease } = await behindProxy();
  proxy.fault = 'drop-commit';
  const run = await store.commitRun(commitOf(lease, { revisions: [fill('FILL:1')] }));
  expect(proxy.hits).toBe(1);
  expect(await direct.store.runs({ limit: 9 })).toEqual([run]);
  expect(await direct.store.ledger({})).toHaveLength(1);
  expect(await direct.store.verifyChains({})).toMatchObject({ ok: true, rows: 2 });
});

it('says so where the outcome of another change cannot be looked up', async () => {
  const { proxy, store } = await behindProxy();
  proxy.fault = 'drop-answer';
  const entry = { at: AT, actor: 'user', action: 'test', object: 'x', facts: {} };
  await expect(store.appendAudit(entry)).rejects.toMatchObject({
    code: 'storage_unreachable',
    retry: 'later',
  });
  expect(await store.accounts()).toHaveLength(1);
});

it('survives the server closing its connections between and in the middle of runs', async () => {
  const { direct, store, lease } = await behindProxy();
  const killAll = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'truebook' AND datname = current_database() AND pid <> pg_backend_pid()`;
  await direct.sql(killAll);
  await expect.poll(async () => (await store.accounts().catch(() => [])).length).toBe(1);
  let stopped = 0;
  for (let round = 0; round < 10; round += 1) {
    const revisions = Array.from({ length: 200 }, (_none, index) => fill(`FILL:${round}:${index}`));
    const committing = store.commitRun(commitOf(lease, { revisions })).then(
      () => true,
      (error: { code: string }) => {
        expect(error.code).toBe('storage_unreachable');
        return false;
      },
    );
    await new Promise((resolve) => setTimeout(resolve, 3 * round));
    await direct.sql(killAll);
    if (!(await committing)) stopped += 1;
    await expect.poll(async () => (await direct.store.accounts().catch(() => [])).length).toBe(1);
  }
  // Whatever was acknowledged is there, whole; whatever was not is not there at all.
  expect(await direct.store.ledger({})).toHaveLength((10 - stopped) * 200);
  expect(await direct.store.runs({ limit: 99 })).toHaveLength(10 - stopped);
  expect(await direct.store.verifyChains({})).toMatchObject({ ok: true });
});

it('tries again when the server ended the run to resolve a deadlock', async () => {
  const { url, sql, again } = await openTestDatabase('postgres');
  // The server looks for deadlocks after this long: time enough for the rival on a busy machine.
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  await sql(`ALTER DATABASE "${name}" SET deadlock_timeout = '3s'`);
  const store = await again();
  const { lease } = await ready(store);
  await store.commitRun(commitOf(lease, { instruments: [AAPL] }));
  const rival = new pg.Client({ connectionString: url });
  await rival.connect();
  later(() => rival.end());
  await rival.query("SET search_path = truebook; SET deadlock_timeout = '60s'; BEGIN");
  await rival.query("SELECT 1 FROM instrument WHERE id = 'equity:AAPL:USD' FOR UPDATE");
  // The run holds its lease row and waits for the instrument; the rival holds the instrument and waits for the lease.
  const renamed = [{ ...AAPL, symbol: 'RENAMED' }];
  const committing = store.commitRun(commitOf(lease, { instruments: renamed, revisions: [fill('FILL:1')] }));
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  await expect.poll(() => sql(waiting), { timeout: 2500 }).toHaveLength(1);
  await rival.query('SELECT 1 FROM lease FOR UPDATE');
  await rival.query('COMMIT');
  await committing;
  expect((await store.ledger({})).map((row) => row.rootId)).toEqual(['FILL:1']);
  expect(await store.runs({ limit: 9 })).toHaveLength(2);
});
