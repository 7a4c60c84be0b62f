/**
 * Takes the place of `node:sqlite` for the store: the real SQLite, with a kill or a failing disk at every point of every
 * transaction. Level 1 lets the operating system write when it likes, and processes that come and go take over the
 * connections of those that are gone, rolled back; level 2 keeps the product's own settings and a connection for each.
 */
import { closeSync, copyFileSync, openSync, statSync, writeSync } from 'node:fs';
import { DatabaseSync as RealDatabase, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type Handle, type SimProcess } from '../process.ts';
import { currentProcess, Killed } from '../stage.ts';
import { sqliteError } from './disk.ts';
import { LEASE_OF_RUN, witness } from './witness.ts';

const WRITES = /^\s*(insert|update|delete|replace)/i;
const RUNS = /^\s*insert into "?sync_run"?\b/i;

/** What a statement is, found out once for all processes of a connection. */
interface Prepared {
  readonly statement: StatementSync;
  columns: ReturnType<StatementSync['columns']> | null;
  readonly isWrite: boolean;
  readonly isRun: boolean;
}

/** A connection of SQLite's own, whichever process has it. */
interface Line {
  readonly database: RealDatabase;
  readonly key: string;
  readonly statements: Map<string, Prepared>;
  /** Whose clock the database shows. */
  process: SimProcess;
}

/** Connections whose processes are gone. */
const idle = new Map<string, Line[]>();

/** Ends the connections that wait for a process. The last one that closes moves the write-ahead log into the file. */
export function closeIdleLines(): void {
  for (const lines of idle.values()) for (const { database } of lines) database.close();
  idle.clear();
}

const INDEX_HEADER_BYTES = 136;

/**
 * Makes a file the template again under the connections that wait for a process, so that the next world takes them over
 * with their statements: to prepare these anew costs more than many a seed. False where nothing waits for this very file.
 */
export function renewFile(file: string, template: string): boolean {
  const waiting = [keyOf(file, false), keyOf(file, true)].map((key) =>
    key === null ? undefined : idle.get(key),
  );
  const [writers = []] = waiting;
  const [first] = writers;
  const known = waiting.flatMap((lines) => lines ?? []).length;
  const all = [...idle.values()].reduce((sum, lines) => sum + lines.length, 0);
  if (first === undefined || known !== all) return false;
  const { busy } = first.database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
  if (busy !== 0) return false;
  copyFileSync(template, file);
  // An index of the log that says nothing is made anew by whoever reads next, and with it all remembered pages are void.
  const index = openSync(`${file}-shm`, 'r+');
  writeSync(index, Buffer.alloc(INDEX_HEADER_BYTES), 0, INDEX_HEADER_BYTES, 0);
  closeSync(index);
  return true;
}

/** A file that was moved away or replaced is another one. */
function keyOf(file: string, readOnly: boolean): string | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${readOnly ? 'r' : 'w'} ${file} ${found.dev} ${found.ino}`;
}

function openLine(file: string, options: { readonly readOnly?: boolean }, process: SimProcess): Line {
  const isShared = witness().level === 1;
  const before = isShared ? keyOf(file, options.readOnly === true) : null;
  const known = before === null ? undefined : idle.get(before)?.pop();
  if (known !== undefined) {
    known.process = process;
    return known;
  }
  // The processes share one thread: whoever waited for a lock would wait for ever.
  const database = new RealDatabase(file, { ...options, timeout: 0 });
  const key = (isShared ? keyOf(file, options.readOnly === true) : null) ?? '';
  const line: Line = { database, key, statements: new Map(), process };
  // The clock of leases is the database's own: here that of its machine.
  database.function('unixepoch', { varargs: true }, () => line.process.machine.wallMs() / 1000);
  return line;
}

function giveBack(line: Line): void {
  const { database, key } = line;
  if (key === '') return database.close();
  if (database.isTransaction) database.exec('ROLLBACK');
  idle.set(key, [...(idle.get(key) ?? []), line]);
}

export class DatabaseSync implements Handle {
  readonly #process: SimProcess;
  readonly #readOnly: boolean;
  #line: Line | null;
  #wroteRun = false;
  #isDirty = false;

  constructor(file: string, options: { readonly readOnly?: boolean; readonly timeout?: number } = {}) {
    this.#readOnly = options.readOnly === true;
    this.#process = currentProcess();
    this.#line = openLine(file, options, this.#process);
    this.#process.handles.add(this);
  }

  get isOpen(): boolean {
    return this.#line !== null;
  }

  get isTransaction(): boolean {
    return this.#line?.database.isTransaction === true;
  }

  drop(): void {
    if (this.#line !== null) giveBack(this.#line);
    this.#line = null;
  }

  close(): void {
    this.#process.handles.delete(this);
    this.drop();
  }

  exec(sql: string): void {
    const { database } = this.#live();
    if (sql === 'BEGIN IMMEDIATE') return this.#begin(sql);
    if (sql === 'COMMIT') return this.#commit(sql);
    if (sql === 'BEGIN' || sql === 'ROLLBACK') [this.#wroteRun, this.#isDirty] = [false, false];
    if (/synchronous = FULL/.test(sql) && witness().level === 1) sql = 'PRAGMA synchronous = OFF';
    database.exec(sql);
  }

  prepare(sql: string): StatementSync {
    const prepared = this.#prepared(sql);
    const { statement, isWrite, isRun } = prepared;
    const process = this.#process;
    const pass = (): void => {
      this.#live();
      if (isWrite) this.#mayFail();
    };
    const passed = (rows = 0): void => {
      if (isRun && rows > 0) this.#wroteRun = true;
      if (isWrite) this.#isDirty = true;
      if (isWrite || this.isTransaction) process.storePoint(isWrite ? 'after a write' : 'after a read');
    };
    return {
      columns: () => (prepared.columns ??= statement.columns()),
      all: (...given: SQLInputValue[]) => {
        pass();
        const rows = statement.all(...given);
        passed(rows.length);
        return rows;
      },
      get: (...given: SQLInputValue[]) => {
        pass();
        return statement.get(...given);
      },
      run: (...given: SQLInputValue[]) => {
        pass();
        const changes = statement.run(...given);
        passed();
        return changes;
      },
    } as unknown as StatementSync;
  }

  #prepared(sql: string): Prepared {
    const { database, statements, key } = this.#live();
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const prepared: Prepared = {
      statement: database.prepare(sql),
      columns: null,
      isWrite: WRITES.test(sql),
      isRun: RUNS.test(sql),
    };
    if (key !== '') statements.set(sql, prepared);
    return prepared;
  }

  #live(): Line {
    if (!this.#process.alive) throw new Killed();
    if (this.#line === null) throw new Error('database is not open');
    return this.#line;
  }

  #begin(sql: string): void {
    this.#process.storePoint('before a transaction');
    if (!this.#readOnly && this.#process.around.disk.meets('busy'))
      throw sqliteError(5, 'database is locked');
    [this.#wroteRun, this.#isDirty] = [false, false];
    this.#live().database.exec(sql);
  }

  /** A write that meets a full or broken disk: SQLite has rolled back by itself then. */
  #mayFail(): void {
    const { disk } = this.#process.around;
    const fail = (errcode: number, message: string): never => {
      if (this.isTransaction) this.#live().database.exec('ROLLBACK');
      throw sqliteError(errcode, message);
    };
    if (disk.meets('readonly')) fail(8, 'attempt to write a readonly database');
    if (disk.meets('full')) fail(13, 'database or disk is full');
    if (disk.meets('write-error')) fail(778, 'disk I/O error');
  }

  #commit(sql: string): void {
    const process = this.#process;
    process.storePoint('before COMMIT');
    const { database } = this.#live();
    if (this.#isDirty && process.around.disk.meets('fsync-error')) {
      database.exec('ROLLBACK');
      throw sqliteError(1034, 'disk I/O error');
    }
    const wroteRun = this.#wroteRun;
    this.#wroteRun = false;
    if (wroteRun) witness().beforeCommit(process, this.#prepared(LEASE_OF_RUN).statement.all());
    database.exec(sql);
    if (wroteRun) witness().afterCommit(process);
    process.storePoint('after COMMIT');
  }
}

export { type SQLInputValue, type StatementSync } from 'node:sqlite';
