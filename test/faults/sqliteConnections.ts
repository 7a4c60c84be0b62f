/**
 * The connections of SQLite that were opened while something ran. A limit on pages and a ban on writes hold for one
 * connection only, so a trial of a full or a read-only disk needs Truebook's own.
 */
import { DatabaseSync } from 'node:sqlite';

/** What Truebook tells every connection it writes with, and nobody else here does. */
const FIRST_WORDS = 'PRAGMA journal_mode = WAL';

export async function connectionsOf<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly connections: readonly DatabaseSync[] }> {
  const connections: DatabaseSync[] = [];
  const prototype = DatabaseSync.prototype;
  const exec = prototype.exec;
  prototype.exec = function (this: DatabaseSync, sql: string) {
    if (sql === FIRST_WORDS) connections.push(this);
    return exec.call(this, sql);
  };
  try {
    return { result: await work(), connections };
  } finally {
    prototype.exec = exec;
  }
}
