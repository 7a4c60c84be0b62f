/** The bytes behind a run: compressed once per content, and a row that says when they were read. */
import { deflateSync, inflateSync } from 'node:zlib';
import { type AccountId } from '../domain/account.ts';
import { sha256, storableText } from '../domain/contentHash.ts';
import { type Payload, type QuarantinedRow } from '../domain/snapshot.ts';
import { instantKey, newYorkDate } from '../domain/time.ts';
import { evidenceHash } from './chain.ts';
import { type Queries } from './database.ts';
import { type Sight } from './observations.ts';
import { inParts, insertRows, storableRow } from './rows.ts';

/**
 * Keeps payloads. An answer with the same bytes as one of the same trading day is not written again: its hash stands
 * in the run's `sync_read` row, so an unchanged run writes no payload row.
 */
export async function savePayloads(
  queries: Queries,
  sight: Sight,
  given: readonly Payload[],
  known: KnownPayloads,
): Promise<void> {
  const payloads = given.filter((payload) => !known.has(sight.accountId, payload));
  if (payloads.length === 0) return;
  const fresh = await unknownBodies(queries, payloads);
  await insertRows(queries, 'payload_body', fresh.map(bodyRow), { keys: ['sha256'], then: 'nothing' });
  const rows = payloads.map((payload) => {
    const content = storableRow({
      account_id: sight.accountId,
      resource: payload.resource,
      trade_date: newYorkDate(payload.receivedAt) as string,
      sha256: payload.sha256,
      status: payload.status,
      path: payload.path,
      request_id: payload.requestId,
      started_at: instantKey(payload.startedAt),
      received_at: instantKey(payload.receivedAt),
    });
    return { ...content, run_id: sight.runId, row_hash: evidenceHash('payload', content) };
  });
  const keys = ['account_id', 'resource', 'trade_date', 'sha256'];
  await insertRows(queries, 'payload', rows, { keys, then: 'nothing' });
}

/** Bodies above this are packed fast: a little larger in much less time. */
const LARGE_BYTES = 1_000_000;

/** Answers of each kind remembered per account. */
const REMEMBERED_MAX = 8;

/** Payloads that this process has stored or seen stored: an unchanged answer need not be asked about again. */
export class KnownPayloads {
  /** By account, then by resource. */
  readonly #keys = new Map<AccountId, Map<string, readonly string[]>>();

  has(accountId: AccountId, payload: Payload): boolean {
    return this.#keys.get(accountId)?.get(payload.resource)?.includes(keyOf(payload)) === true;
  }

  /** The account's rows are not as this process left them: somebody else wrote, or put another database there. */
  forget(accountId: AccountId): void {
    this.#keys.delete(accountId);
  }

  /** Only after the transaction that stored them. */
  note(accountId: AccountId, payloads: readonly Payload[]): void {
    const byResource = this.#keys.get(accountId) ?? new Map<string, readonly string[]>();
    this.#keys.set(accountId, byResource);
    for (const payload of payloads) {
      if (this.has(accountId, payload)) continue;
      const known = byResource.get(payload.resource) ?? [];
      byResource.set(payload.resource, [...known, keyOf(payload)].slice(-REMEMBERED_MAX));
    }
  }
}

function keyOf(payload: Payload): string {
  return `${newYorkDate(payload.receivedAt)} ${payload.sha256}`;
}

/** Bodies not stored yet, each once: compressing is the costly part. */
async function unknownBodies(queries: Queries, payloads: readonly Payload[]): Promise<Payload[]> {
  const byHash = new Map(payloads.map((payload) => [payload.sha256, payload]));
  for (const part of inParts([...byHash.keys()])) {
    const known = await queries
      .selectFrom('payload_body')
      .select('sha256')
      .where('sha256', 'in', part)
      .execute();
    for (const { sha256 } of known) byHash.delete(sha256);
  }
  return [...byHash.values()];
}

function bodyRow(payload: Payload) {
  const text = storableText(payload.body);
  const body = Buffer.from(text, 'utf8');
  return {
    sha256: payload.sha256,
    encoding: 'deflate',
    size_bytes: body.length,
    body: deflateSync(body, { level: body.length > LARGE_BYTES ? 1 : 6 }),
    // Over the text, not over the compressed bytes: those differ between releases of zlib.
    row_hash: bodyHash(payload.sha256, text),
  };
}

/**
 * Hash of a body's row: over the hash of its text, because an answer of megabytes as a text within canonical text costs
 * more than all else that is done with it.
 */
export function bodyHash(payloadSha256: string, body: string): string {
  return evidenceHash('payload_body', { sha256: payloadSha256, body_sha256: sha256(body) });
}

/** As rows were hashed at first: whole bodies as canonical text. Databases that hold such rows are as good as ever. */
export function earlierBodyHash(payloadSha256: string, body: string): string {
  return evidenceHash('payload_body', { sha256: payloadSha256, body });
}

/** The body of a payload, null when it was never stored or has been pruned. */
export async function payloadBody(queries: Queries, sha256: string): Promise<string | null> {
  const row = await queries
    .selectFrom('payload_body')
    .select('body')
    .where('sha256', '=', sha256)
    .executeTakeFirst();
  return row === undefined ? null : inflateSync(row.body).toString('utf8');
}

/** Keeps rows nobody could read, each once however often the broker sends it. */
export async function saveQuarantine(
  queries: Queries,
  sight: Sight,
  quarantined: readonly QuarantinedRow[],
): Promise<void> {
  const rows = quarantined.map((row) => {
    const content = storableRow({
      account_id: sight.accountId,
      resource: row.resource,
      reason: row.reason,
      row_text: row.row,
    });
    const identity = evidenceHash('quarantine', content);
    return {
      ...content,
      run_id: sight.runId,
      path: storableRow({ path: row.path }).path,
      payload_sha256: row.payloadSha256,
      row_hash: identity,
    };
  });
  await insertRows(queries, 'quarantine', rows, { keys: ['account_id', 'row_hash'], then: 'nothing' });
}
