/** The audit: who did what, in a chain of its own. */
import { canonicalJson } from '../domain/contentHash.ts';
import { instantKey } from '../domain/time.ts';
import { AUDIT_CHAIN, chainRows, lockHead, saveHead } from './chain.ts';
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
  const { rows, head } = chainRows(await lockHead(database, queries, AUDIT_CHAIN), 'audit', contents);
  await insertRows(queries, 'audit', rows);
  await saveHead(queries, head);
}
