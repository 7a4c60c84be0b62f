/** The whole proof: every chain, the heads that were signed or written down, every row of evidence. */
import { type Database, type Queries } from './database.ts';
import { verifyEvidence } from './evidence.ts';
import { headRows, signerOf, type HeadRow, type Signing } from './sign.ts';
import { isSignedBy } from './signatures.ts';
import {
  type AccountFilter,
  type BookProof,
  type ChainProof,
  type ChainReport,
  type HeadProof,
  type HeadState,
  type WrittenHead,
} from './store.ts';
import { walkChain, type Walk } from './walkChain.ts';

/** The chains alone: of one account, or all with the audit's. Reports the first row that does not fit. */
export async function verifyChains(database: Database, filter: AccountFilter): Promise<ChainReport> {
  return await database.read(async (queries) => {
    let rows = 0;
    for (const head of await headRows(queries)) {
      if (filter.accountId !== undefined && head.account_id !== filter.accountId) continue;
      const { seq, broken } = await walkChain(queries, head);
      rows += seq;
      if (broken !== null) {
        const { seq: place, reason } = broken;
        return { ok: false, rows, firstBroken: { chain: head.chain, seq: place, reason } };
      }
    }
    return { ok: true, rows, firstBroken: null };
  });
}

export async function verifyBook(
  database: Database,
  signing: Signing,
  written: readonly WrittenHead[],
): Promise<BookProof> {
  const ourKey = signerOf(signing)?.publicKey ?? null;
  return await database.read(async (queries) => {
    const proved: { readonly proof: ChainProof; readonly walk: Walk }[] = [];
    for (const head of await headRows(queries)) {
      proved.push(await proveChain(queries, head, written, ourKey));
    }
    const walks = new Map(proved.map(({ proof, walk }) => [proof.chain, walk]));
    const chains = proved.map(({ proof }) => proof);
    const heads = written.map((head) => proveHead(head, walks.get(head.chain) ?? null, ourKey));
    const evidence = await verifyEvidence(queries);
    const ok =
      chains.every(({ broken, signed }) => broken === null && (signed === null || isFine(signed))) &&
      heads.every(isFine) &&
      evidence.every(({ broken }) => broken === null);
    return { ok, chains, evidence, heads };
  });
}

async function proveChain(
  queries: Queries,
  head: HeadRow,
  written: readonly WrittenHead[],
  ourKey: string | null,
): Promise<{ readonly proof: ChainProof; readonly walk: Walk }> {
  const own = head.signed === null ? [] : [head.signed];
  const about = [...own, ...written].filter((one) => one.chain === head.chain);
  const places = new Set(about.map(({ seq }) => seq));
  const walk = await walkChain(queries, head, undefined, places);
  const { chain, seq, hash, signed } = head;
  const proof: ChainProof = {
    chain,
    rows: walk.seq,
    seq,
    hash,
    broken: walk.broken,
    signed: signed === null ? null : proveHead(signed, walk, ourKey),
  };
  return { proof, walk };
}

/** No walk: there is no such chain any more. */
function proveHead(head: WrittenHead, walk: Walk | null, ourKey: string | null): HeadProof {
  return { head, state: isForged(head) ? 'forged' : (misplaced(head, walk) ?? signatureState(head, ourKey)) };
}

function isForged(head: WrittenHead): boolean {
  if (head.signature === null && head.publicKey === null) return false;
  if (head.signature === null || head.publicKey === null) return true;
  return !isSignedBy(head.publicKey, head, head.signature);
}

/** Before the first row of a chain there is nothing to rewrite. */
function misplaced(head: WrittenHead, walk: Walk | null): HeadState | null {
  if (head.seq === 0 && walk !== null) return null;
  const hash = walk?.hashes.get(head.seq);
  if (hash === undefined) return walk !== null && walk.broken !== null ? 'broken' : 'gone';
  return hash === head.hash ? null : 'rewritten';
}

function signatureState(head: WrittenHead, ourKey: string | null): HeadState {
  if (head.publicKey === null) return 'unsigned';
  if (ourKey === null) return 'unchecked';
  return head.publicKey === ourKey ? 'good' : 'other_key';
}

function isFine({ state }: HeadProof): boolean {
  return state === 'good' || state === 'unchecked' || state === 'unsigned';
}
