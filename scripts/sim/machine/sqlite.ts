/**
 * Takes the place of `node:sqlite` for the store: the real SQLite, with a kill or a failing disk at every point of every
 * transaction. Level 1 lets the operating system write when it likes; level 2 keeps the product's own settings.
 */
import { DatabaseSync as RealDatabase, type StatementSync } from 'node:sqlite';
import { type Handle, type SimProcess } from '../process.ts';
import { currentProcess, Killed } from '../stage.ts';
import { sqliteError } from './disk.ts';
import { LEASE_OF_RUN, witness } from './witness.ts';

const WRITES = /^\s*(insert|update|delete|replace)/i;

export class DatabaseSync extends RealDatabase implements Handle {
  readonly #process: SimProcess;
  readonly #readOnly: boolean;
  #wroteRun = false;
  #isDirty = false;

  constructor(file: string, options: { readonly readOnly?: boolean; readonly timeout?: number } = {}) {
    // The processes share one thread: whoever waited for a lock would wait for ever.
    super(file, { ...options, timeout: 0 });
    this.#readOnly = options.readOnly === true;
    this.#process = currentProcess();
    this.#process.handles.add(this);
    // The clock of leases is the database's own: here that of its machine.
    const { machine } = this.#process;
    this.function('unixepoch', { varargs: true }, () => machine.wallMs() / 1000);
  }

  drop(): void {
    if (this.isOpen) super.close();
  }

  override close(): void {
    this.#process.handles.delete(this);
    if (this.isOpen) super.close();
  }

  override exec(sql: string): void {
    if (!this.#process.alive) throw new Killed();
    if (sql === 'BEGIN IMMEDIATE') return this.#begin(sql);
    if (sql === 'COMMIT') return this.#commit(sql);
    if (sql === 'BEGIN' || sql === 'ROLLBACK') [this.#wroteRun, this.#isDirty] = [false, false];
    if (/synchronous = FULL/.test(sql) && witness().level === 1) sql = 'PRAGMA synchronous = OFF';
    super.exec(sql);
  }

  override prepare(sql: string): StatementSync {
    if (!this.#process.alive) throw new Killed();
    const statement = super.prepare(sql);
    const process = this.#process;
    let columns: ReturnType<StatementSync['columns']> | null = null;
    const isWrite = WRITES.test(sql);
    const isRun = /^\s*insert into "?sync_run"?\b/i.test(sql);
    const pass = (): void => {
      if (!process.alive) throw new Killed();
      if (isWrite) this.#mayFail();
    };
    const passed = (rows = 0): void => {
      if (isRun && rows > 0) this.#wroteRun = true;
      if (isWrite) this.#isDirty = true;
      if (isWrite || this.isTransaction) process.storePoint(isWrite ? 'after a write' : 'after a read');
    };
    return {
      columns: () => (columns ??= statement.columns()),
      all: (...given: []) => {
        pass();
        const rows = statement.all(...given);
        passed(rows.length);
        return rows;
      },
      get: (...given: []) => {
        pass();
        return statement.get(...given);
      },
      run: (...given: []) => {
        pass();
        const changes = statement.run(...given);
        passed();
        return changes;
      },
    } as unknown as StatementSync;
  }

  #begin(sql: string): void {
    this.#process.storePoint('before a transaction');
    if (!this.#readOnly && this.#process.around.disk.meets('busy'))
      throw sqliteError(5, 'database is locked');
    [this.#wroteRun, this.#isDirty] = [false, false];
    super.exec(sql);
  }

  /** A write that meets a full or broken disk: SQLite has rolled back by itself then. */
  #mayFail(): void {
    const { disk } = this.#process.around;
    const fail = (errcode: number, message: string): never => {
      if (this.isTransaction) super.exec('ROLLBACK');
      throw sqliteError(errcode, message);
    };
    if (disk.meets('readonly')) fail(8, 'attempt to write a readonly database');
    if (disk.meets('full')) fail(13, 'database or disk is full');
    if (disk.meets('write-error')) fail(778, 'disk I/O error');
  }

  #commit(sql: string): void {
    const process = this.#process;
    process.storePoint('before COMMIT');
    if (this.#isDirty && process.around.disk.meets('fsync-error')) {
      super.exec('ROLLBACK');
      throw sqliteError(1034, 'disk I/O error');
    }
    const wroteRun = this.#wroteRun;
    this.#wroteRun = false;
    if (wroteRun) witness().beforeCommit(process, super.prepare(LEASE_OF_RUN).all());
    super.exec(sql);
    if (wroteRun) witness().afterCommit(process);
    process.storePoint('after COMMIT');
  }
}

export { type SQLInputValue, type StatementSync } from 'node:sqlite';
