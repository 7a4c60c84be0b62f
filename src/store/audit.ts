/** The audit: who did what, in a chain of its own. */
import { canonicalJson } from '../domain/contentHash.ts';
import { instantKey } from '../domain/time.ts';
import { AUDIT_CHAIN, chainRows, lockHead, moveHead, saveHead, type ChainHead } from './chain.ts';
import { type Database, type Queries } from './database.ts';
import { insertRows, storableRow } from './rows.ts';
import { type AuditEntry } from './store.ts';

/** Appends entries. Called last in a transaction: the head of this chain is shared by all accounts. */
export async function appendAudit(
  database: Database,
  queries: Queries,
  entries: readonly AuditEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  const contents = entries.map((entry) =>
    storableRow({
      at: instantKey(entry.at),
      actor: entry.actor,
      action: entry.action,
      object: entry.object,
      facts: canonicalJson(entry.facts),
    }),
  );
  const guess = lastHeads.get(database);
  const guessed = guess === undefined ? null : chainRows(guess, 'audit', contents);
  if (guess !== undefined && guessed !== null && (await moveHead(queries, guess, guessed.head))) {
    await insertRows(queries, 'audit', guessed.rows);
    lastHeads.set(database, guessed.head);
    return;
  }
  const { rows, head } = chainRows(await lockHead(database, queries, AUDIT_CHAIN), 'audit', contents);
  await insertRows(queries, 'audit', rows);
  await saveHead(queries, head);
  lastHeads.set(database, head);
}

/**
 * Where the chain ended when this process last wrote to it: nearly always where it still ends. A guess only: the head
 * moves on from it if it is there and stays if it is not (another process wrote, or our transaction was rolled back).
 */
const lastHeads = new WeakMap<Database, ChainHead>();
