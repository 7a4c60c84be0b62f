/** Signing the heads of chains: on demand, and by the upkeep of a running agent once per New York day. */
import { TruebookError } from '../domain/errors.ts';
import { instantFromKey, instantKey, newYorkDate, now, type Clock, type Instant } from '../domain/time.ts';
import { type Database, type Queries } from './database.ts';
import { chainSigner, isSignedBy, type ChainSigner } from './signatures.ts';
import { type BrokenRow, type WrittenHead } from './store.ts';
import { BEGINNING, walkChain, type StoredHead } from './walkChain.ts';

/** What signing needs of the world outside. */
export interface Signing {
  readonly clock: Clock | null;
  readonly signingSeed: () => Buffer | null;
}

/** Of a store that can sign nothing. */
export const UNSIGNED: Signing = { clock: null, signingSeed: () => null };

export function signerOf({ signingSeed }: Signing): ChainSigner | null {
  const seed = signingSeed();
  return seed === null ? null : chainSigner(seed);
}

/** A chain with its head and the head that was signed last. */
export interface HeadRow extends StoredHead {
  readonly signed: WrittenHead | null;
}

/** By name. */
export async function headRows(queries: Queries): Promise<readonly HeadRow[]> {
  const rows = await queries.selectFrom('chain_head').selectAll().orderBy('chain').execute();
  return rows.map((row) => ({
    chain: row.chain,
    account_id: row.account_id,
    seq: row.seq,
    hash: row.hash,
    signed:
      row.signed_at === null || row.signed_seq === null || row.signed_hash === null
        ? null
        : {
            chain: row.chain,
            seq: row.signed_seq,
            hash: row.signed_hash,
            signedAt: instantFromKey(row.signed_at),
            publicKey: row.signed_key,
            signature: row.signature,
          },
  }));
}

export async function writtenHeads(database: Database, { clock }: Signing): Promise<readonly WrittenHead[]> {
  const at = momentOf(clock);
  return (await database.read(headRows)).map(({ chain, seq, hash }) => ({
    chain,
    seq,
    hash,
    signedAt: at,
    publicKey: null,
    signature: null,
  }));
}

export async function signHeads(database: Database, signing: Signing): Promise<readonly WrittenHead[]> {
  const signer = signerOf(signing);
  if (signer === null) {
    throw new TruebookError('secret_key_missing', 'There is no key to sign with; nothing was signed.', {
      hint: 'Seal a secret once (`truebook secret set NAME` makes the key), or set TRUEBOOK_SECRET_KEY.',
    });
  }
  return await signAll(database, signer, momentOf(signing.clock));
}

/** Signs where a chain has gone on and its last signature is of another day, or there is none. */
export async function signDaily(database: Database, signing: Signing): Promise<void> {
  const signer = signing.clock === null ? null : signerOf(signing);
  if (signer === null) return;
  const at = momentOf(signing.clock);
  const heads = await database.read(headRows);
  const isDue = heads.some(
    ({ seq, signed }) =>
      signed === null ||
      signed.publicKey !== signer.publicKey ||
      (seq > signed.seq && newYorkDate(signed.signedAt) !== newYorkDate(at)),
  );
  if (isDue) await signAll(database, signer, at);
}

async function signAll(database: Database, signer: ChainSigner, at: Instant): Promise<WrittenHead[]> {
  const heads = await database.read(async (queries) => {
    const rows = await headRows(queries);
    for (const row of rows) await requireWhole(queries, row, signer);
    return rows;
  });
  const written = heads.map(({ chain, seq, hash }) => {
    const statement = { chain, seq, hash, signedAt: at };
    return { ...statement, publicKey: signer.publicKey, signature: signer.sign(statement) };
  });
  await database.write(async (queries) => {
    for (const head of written) {
      await queries
        .updateTable('chain_head')
        .set({
          signature: head.signature,
          signed_at: instantKey(head.signedAt),
          signed_seq: head.seq,
          signed_hash: head.hash,
          signed_key: head.publicKey,
        })
        .where('chain', '=', head.chain)
        .execute();
    }
  });
  return written;
}

/** Whoever signs a chain that was changed makes the change look true. What we signed before need not be read again. */
async function requireWhole(queries: Queries, row: HeadRow, signer: ChainSigner): Promise<void> {
  const { signed } = row;
  const trusted =
    signed !== null && signed.signature !== null && isSignedBy(signer.publicKey, signed, signed.signature);
  const { broken } = await walkChain(queries, row, trusted ? signed : BEGINNING);
  if (broken === null) return;
  throw new TruebookError('storage_corrupt', `Nothing was signed: ${row.chain} is ${brokenText(broken)}.`, {
    hint: 'Run `truebook verify`; restore the newest backup that it finds whole.',
    facts: { chain: row.chain, seq: broken.seq, reason: broken.reason },
  });
}

/** `broken at seq 7 (activity FILL:1 rev 0: the content does not fit its hash)`. */
export function brokenText({ seq, table, id, reason }: BrokenRow): string {
  const row = table === null ? '' : `${table}${id === null ? '' : ` ${id}`}: `;
  return `broken at seq ${seq} (${row}${reason})`;
}

function momentOf(clock: Clock | null): Instant {
  if (clock !== null) return now(clock);
  throw new TruebookError('internal', 'A store without a clock cannot sign.', {
    hint: 'This is a fault of Truebook: report it with the command that was run.',
  });
}
