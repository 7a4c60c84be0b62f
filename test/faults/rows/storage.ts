/** The database is full, may only be read, is gone, or dies. The broker is healthy all the while. */
import { mkdirSync, readdirSync, renameSync, copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { openProxy, type Proxy } from '../proxy.ts';
import { type FaultRow, type Trial } from '../trial.ts';
import { PAPER, type CycleEnd } from '../trialWorld.ts';
import { moveOf } from './moves.ts';

const PLENTY = 1_073_741_823;

async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Runs under a PostgreSQL on which every insert into `table` does as `body` says. */
async function underTrigger(
  trial: Trial,
  table: string,
  body: string,
  runs: () => Promise<void>,
): Promise<void> {
  const { databaseUrl } = trial.world;
  await sql(
    databaseUrl,
    `CREATE FUNCTION public.trial_harm() RETURNS trigger LANGUAGE plpgsql AS $harm$ BEGIN ${body} RETURN NEW; END $harm$;
     CREATE TRIGGER trial_harm BEFORE INSERT OR UPDATE ON truebook.${table} FOR EACH ROW EXECUTE FUNCTION public.trial_harm()`,
  );
  try {
    await runs();
  } finally {
    await sql(databaseUrl, `DROP TRIGGER trial_harm ON truebook.${table}; DROP FUNCTION public.trial_harm()`);
  }
}

/** The process goes on behind a line that can be cut; another one with a line of its own reads the book. */
async function behindProxy(trial: Trial): Promise<Proxy> {
  const proxy = await openProxy(trial.world.databaseUrl);
  trial.afterwards.push(() => proxy.close());
  trial.witness = await trial.world.start();
  await trial.restart({ DATABASE_URL: proxy.url });
  return proxy;
}

function oneTrade(trial: Trial, run: number): void {
  const terms = { account: PAPER, symbol: 'MANY', side: 'buy', quantity: '1', price: String(10 + run) };
  trial.world.control('trade', terms);
}

/** Enough at once that it cannot fit into pages which are there already. */
function manyTrades(trial: Trial, run: number): void {
  for (let number = 0; number < 40; number += 1) oneTrade(trial, run);
}

/** One run after another, each with room for one page more than the last, until one fits. Answers how many. */
async function fullAtEveryPage(trial: Trial): Promise<number> {
  const [connection] = trial.process.connections;
  const pages = Number(connection!.prepare('PRAGMA page_count').get()!['page_count']);
  for (let run = 0; run < 200; run += 1) {
    connection!.exec(`PRAGMA max_page_count = ${pages + run}`);
    const end = await trial.cycle('5m', run === 0 ? () => manyTrades(trial, run) : undefined);
    if (end.run !== null) break;
  }
  connection!.exec(`PRAGMA max_page_count = ${PLENTY}`);
  return trial.ends.length;
}

/** A run for each table, in which no row of that table can be written. Answers how many tables. */
async function fullAtEveryTable(trial: Trial): Promise<number> {
  const tables = await sql(
    trial.world.databaseUrl,
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'truebook' ORDER BY tablename",
  );
  const body = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';";
  for (const [run, { name }] of tables.entries()) {
    await underTrigger(trial, String(name), body, async () => {
      await trial.cycle('5m', () => oneTrade(trial, run));
    });
  }
  return tables.length;
}

/** Moves the file of a SQLite database and its companions elsewhere; the answer moves them back. */
function moveAway(trial: Trial): () => void {
  const file = trial.world.databaseUrl.slice('sqlite:'.length);
  const folder = dirname(file);
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere, { mode: 0o700, recursive: true });
  const names = readdirSync(folder).filter((name) => name.startsWith('truebook.db'));
  for (const name of names) renameSync(join(folder, name), join(elsewhere, name));
  return () => {
    for (const name of names) renameSync(join(elsewhere, name), join(folder, name));
  };
}

/** What Truebook asked of PAPER since the fault began. */
function asked(trial: Trial, path: string): number {
  return trial.world.requests().filter((request) => request.account === PAPER && request.path === path)
    .length;
}

/** Begins a run, and does something while its last answer is still on the way. */
export async function inTheMiddle(
  trial: Trial,
  sync: () => Promise<CycleEnd>,
  happens: () => Promise<unknown>,
): Promise<CycleEnd> {
  const path = '/v2/account/activities';
  const before = asked(trial, path);
  trial.fault('activities', 'slow', { at: 5000, times: 1 });
  const ending = sync();
  await trial.until('the run is in its middle', () => asked(trial, path) > before);
  await happens();
  trial.world.advance('6s');
  return await ending;
}

export const STORAGE_ROWS: readonly FaultRow[] = [
  {
    id: 'disk-full',
    name: 'the disk is full',
    catalogue: [],
    made: 'SQLite: max_page_count at the size of the file. PostgreSQL: error 53100 raised by a trigger on the last table of a run',
    ends: ['storage_full', 'storage_full', 'storage_full'],
    play: async (trial) => {
      const runs = async (): Promise<void> => {
        for (let run = 0; run < 3; run += 1) await trial.cycle('5m', () => manyTrades(trial, run));
      };
      if (trial.database === 'postgres') {
        const body = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';";
        await underTrigger(trial, 'audit', body, runs);
        return;
      }
      const [connection] = trial.process.connections;
      // SQLite does not go below the size the file has.
      connection!.exec('PRAGMA max_page_count = 1');
      await runs();
      connection!.exec(`PRAGMA max_page_count = ${PLENTY}`);
    },
  },
  {
    id: 'disk-full-everywhere',
    name: 'the disk is full at every place of a run',
    catalogue: ['T40'],
    made: 'SQLite: max_page_count one page larger with each run, until one fits. PostgreSQL: error 53100 at each table in turn, a run each',
    long: true,
    ends: null,
    play: async (trial) => {
      const places =
        trial.database === 'sqlite' ? await fullAtEveryPage(trial) : await fullAtEveryTable(trial);
      trial.more[trial.database === 'sqlite' ? 'sizes of the file tried' : 'tables tried'] = places;
      const others = trial.ends.filter((word) => !['storage_full', 'complete'].includes(word));
      if (others.length > 0) trial.judge.note([`a full disk was told as ${others.join(', ')}`]);
      if (trial.ends.filter((word) => word === 'storage_full').length < 10)
        trial.judge.note([`the disk was full in too few places: ${trial.ends.join(', ')}`]);
    },
  },
  {
    id: 'disk-read-only',
    name: 'the database can only be read',
    catalogue: ['T45'],
    made: 'SQLite: query_only on the connection. PostgreSQL: the transaction is set read only by a trigger on its first table',
    ends: ['storage_readonly', 'storage_readonly', 'storage_readonly'],
    play: async (trial) => {
      const runs = async (): Promise<void> => {
        for (let run = 0; run < 3; run += 1) await trial.cycle('5m', moveOf(run));
      };
      if (trial.database === 'postgres') {
        await underTrigger(
          trial,
          'sync_run',
          "PERFORM set_config('transaction_read_only', 'on', true);",
          runs,
        );
        return;
      }
      const [connection] = trial.process.connections;
      connection!.exec('PRAGMA query_only = ON');
      await runs();
      connection!.exec('PRAGMA query_only = OFF');
    },
  },
  {
    id: 'database-down',
    name: 'the database server cannot be reached',
    catalogue: ['T56'],
    made: 'the line to it is cut and refused; another process with a line of its own reads the book meanwhile',
    databases: ['postgres'],
    ends: ['storage_unreachable', 'storage_unreachable', 'storage_unreachable'],
    play: async (trial) => {
      const proxy = await behindProxy(trial);
      await proxy.cut();
      for (let run = 0; run < 3; run += 1) {
        await trial.cycle('5m', moveOf(run));
        const told = await trial.process.truebook.store.runs({ limit: 1 }).then(
          () => 'an answer',
          (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
        );
        if (told !== 'storage_unreachable')
          trial.judge.note([`a reader without a database was told ${String(told)}`]);
      }
      await proxy.mend();
    },
  },
  {
    id: 'database-cut-mid-run',
    name: 'the line to the database breaks in the middle of a run',
    catalogue: ['T56'],
    made: 'cut while the last answer of the broker is on the way, mended after the run',
    databases: ['postgres'],
    ends: ['storage_unreachable', 'storage_unreachable'],
    play: async (trial) => {
      const proxy = await behindProxy(trial);
      const { process: own } = trial;
      for (let run = 0; run < 2; run += 1) {
        trial.world.advance('5m');
        moveOf(run)?.(trial.world);
        const cut = (): Promise<CycleEnd> =>
          inTheMiddle(
            trial,
            () => own.sync(),
            () => proxy.cut(),
          );
        trial.count(await trial.afterRun(own, cut));
        await proxy.mend();
      }
    },
  },
  {
    id: 'database-killed',
    name: 'a server process of the database is killed in the middle of a run, and the server recovers',
    catalogue: [],
    made: 'SIGKILL to one server process of a PostgreSQL of its own: the server drops every connection and replays its log',
    databases: ['postgres'],
    ownServer: true,
    ends: ['storage_unreachable'],
    play: async (trial) => {
      trial.world.advance('5m');
      moveOf(0)?.(trial.world);
      const { process: own } = trial;
      const end = await inTheMiddle(
        trial,
        () => own.sync(),
        async () => {
          const [row] = await sql(
            trial.world.databaseUrl,
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = 'truebook'",
          );
          process.kill(Number(row!['pid']), 'SIGKILL');
          // The others are told to go within milliseconds; until then the run must not find one that still works.
          await trial.until('the server throws everybody out', () =>
            sql(trial.world.databaseUrl, 'SELECT 1').then(
              () => false,
              () => true,
            ),
          );
        },
      );
      trial.count(end);
      await trial.until('the server is back', () =>
        sql(trial.world.databaseUrl, 'SELECT 1').then(
          () => true,
          () => false,
        ),
      );
      await trial.afterRun(own, () => Promise.resolve(end));
    },
  },
  {
    id: 'database-file-gone',
    name: 'the file of the database is moved away',
    catalogue: ['T44'],
    made: 'file and log are renamed under the running process, then back',
    databases: ['sqlite'],
    ends: ['storage_unreachable', 'storage_unreachable', 'storage_unreachable'],
    play: async (trial) => {
      const back = moveAway(trial);
      try {
        for (let run = 0; run < 3; run += 1) await trial.cycle('5m', moveOf(run));
      } finally {
        back();
      }
    },
  },
  {
    id: 'database-file-replaced',
    name: 'the file of the database is replaced by an older copy',
    catalogue: ['T44'],
    made: 'a copy is put in its place under the running process; then the true file is put back',
    databases: ['sqlite'],
    ends: ['storage_unreachable', 'storage_unreachable'],
    play: async (trial) => {
      const file = trial.world.databaseUrl.slice('sqlite:'.length);
      await trial.process.truebook.store.maintain();
      const copy = join(dirname(file), 'older-copy');
      copyFileSync(file, copy);
      const back = moveAway(trial);
      renameSync(copy, file);
      try {
        for (const run of [0, 1]) await trial.cycle('5m', moveOf(run));
      } finally {
        // Renaming puts the true file over the copy.
        back();
      }
    },
  },
];
