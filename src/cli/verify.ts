/** `truebook verify`: has anybody changed what the book remembers? Signs and exports the proof that nobody will have. */
import { appendFileSync, readFileSync } from 'node:fs';
import { isTruebookError, TruebookError } from '../domain/errors.ts';
import { tryParseInstant } from '../domain/time.ts';
import {
  type BookProof,
  type BrokenRow,
  type ChainProof,
  type EvidenceProof,
  type HeadProof,
  type HeadState,
  type Store,
  type WrittenHead,
} from '../store/store.ts';
import { moment, printJson, printLine, tableLines, type Column } from './print.ts';
import { loadSettings, tellWarnings, withBook, type CommonOptions } from './session.ts';

export interface VerifyOptions extends CommonOptions {
  readonly sign?: boolean;
  /** A file to add the heads to. */
  readonly export?: string;
  /** Files of heads that were exported earlier. */
  readonly against?: readonly string[];
}

/** 0 where everything fits, 3 where something was changed, is gone or was signed by somebody else. */
export async function verify(options: VerifyOptions): Promise<number> {
  const config = loadSettings(options);
  tellWarnings(config);
  const exported = (options.against ?? []).flatMap(readHeads);
  const isSigning = options.sign === true || options.export !== undefined;
  const { proof, written } = await withBook({ config, readonly: !isSigning }, async ({ store }) => {
    const found = await store.verifyBook(exported.map(({ head }) => head));
    return { proof: found, written: isSigning && isWhole(found) ? await writeDown(store, options) : [] };
  });
  if (options.export !== undefined && written.length > 0) addHeads(options.export, written);
  const report = { proof, exported, written };
  const ok = proof.ok || (written.length > 0 && proof.heads.every(isGood));
  if (options.json === true) printJson(jsonOf(report, ok));
  else printReport(report, ok);
  return ok ? 0 : 3;
}

interface Exported {
  readonly head: WrittenHead;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

interface Report {
  readonly proof: BookProof;
  readonly exported: readonly Exported[];
  /** Heads signed or written down just now. */
  readonly written: readonly WrittenHead[];
}

const FINE: readonly HeadState[] = ['good', 'unchecked', 'unsigned'];

function isGood({ state }: HeadProof): boolean {
  return FINE.includes(state);
}

/** Whether nothing was changed. A signature of another key is none of ours and is replaced. */
function isWhole({ chains, evidence, heads }: BookProof): boolean {
  return (
    chains.every(
      ({ broken, signed }) =>
        broken === null && (signed === null || isGood(signed) || signed.state === 'other_key'),
    ) &&
    evidence.every(({ broken }) => broken === null) &&
    heads.every(isGood)
  );
}

/** Signed where there is a key; whoever asks for no more than an export gets it without one. */
async function writeDown(store: Store, options: VerifyOptions): Promise<readonly WrittenHead[]> {
  try {
    return await store.signHeads();
  } catch (error) {
    if (options.sign === true || !isTruebookError(error, 'secret_key_missing')) throw error;
    return await store.writtenHeads();
  }
}

// ---- exported heads --------------------------------------------------------------------------------------------

const FORMAT = 'truebook-chain-head/1';

function addHeads(file: string, heads: readonly WrittenHead[]): void {
  const lines = heads.map((head) => `${JSON.stringify({ format: FORMAT, ...head })}\n`);
  try {
    appendFileSync(file, lines.join(''), { mode: 0o600 });
  } catch (cause) {
    throw fileProblem(file, 'written', cause);
  }
}

/** Every line of a file, none left out: a line that cannot be read may be the very one that shows a change. */
function readHeads(file: string): readonly Exported[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw fileProblem(file, 'read', cause);
  }
  return text.split('\n').flatMap((content, index) => {
    if (content.trim() === '') return [];
    const head = readHead(content);
    if (head !== null) return [{ head, file, line: index + 1 }];
    throw new TruebookError('usage', `Line ${index + 1} of ${file} is no exported head of a chain.`, {
      hint: 'Use the file that `truebook verify --export FILE` wrote, unchanged.',
    });
  });
}

function readHead(content: string): WrittenHead | null {
  let found: Partial<Record<string, unknown>>;
  try {
    found = JSON.parse(content) as Partial<Record<string, unknown>>;
  } catch {
    return null;
  }
  const { format, chain, seq, hash, signedAt, publicKey, signature } = found ?? {};
  const at = typeof signedAt === 'string' ? tryParseInstant(signedAt) : null;
  const isWord = (value: unknown): value is string | null => value === null || typeof value === 'string';
  const isHead =
    format === FORMAT &&
    typeof chain === 'string' &&
    typeof seq === 'number' &&
    Number.isSafeInteger(seq) &&
    typeof hash === 'string' &&
    isWord(publicKey) &&
    isWord(signature);
  return isHead && at !== null ? { chain, seq, hash, signedAt: at, publicKey, signature } : null;
}

function fileProblem(file: string, done: string, cause: unknown): TruebookError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new TruebookError('usage', `${file} cannot be ${done} (${code}).`, {
    hint: 'Name a file of yours in a folder that exists.',
    cause,
  });
}

// ---- the answer ------------------------------------------------------------------------------------------------

function jsonOf({ proof, exported, written }: Report, ok: boolean): object {
  const headOf = ({ head, state }: HeadProof): object => ({
    state,
    seq: head.seq,
    hash: head.hash,
    signedAt: head.signedAt,
  });
  return {
    ok,
    chains: proof.chains.map(({ chain, rows, seq, hash, broken, signed }) => ({
      chain,
      rows,
      seq,
      head: hash,
      ok: broken === null,
      broken,
      signed: signed === null ? null : headOf(signed),
    })),
    evidence: proof.evidence.map((table) => ({ ...table, ok: table.broken === null })),
    against: proof.heads.map((found, index) => ({
      file: exported[index]?.file ?? null,
      line: exported[index]?.line ?? null,
      chain: found.head.chain,
      ...headOf(found),
    })),
    written: written.map((head) => ({ ...head })),
  };
}

const CHAINS: readonly Column<ChainProof>[] = [
  { title: 'CHAIN', cell: (row) => row.chain },
  { title: 'ROWS', align: 'right', cell: (row) => String(row.rows) },
  { title: 'HEAD', cell: (row) => row.hash.slice(0, 16) },
  { title: 'STATE', cell: (row) => (row.broken === null ? 'ok' : brokenText(row.broken)) },
  { title: 'SIGNED', cell: (row) => (row.signed === null ? 'not signed' : signedText(row.signed)) },
];

const EVIDENCE: readonly Column<EvidenceProof>[] = [
  { title: 'EVIDENCE', cell: (row) => row.table },
  { title: 'ROWS', align: 'right', cell: (row) => String(row.rows) },
  {
    title: 'STATE',
    cell: ({ broken }) => (broken === null ? 'ok' : `broken at ${broken.id} (${broken.reason})`),
  },
];

/** `broken at seq 7 (activity, FILL:1 rev 0, the content does not fit its hash)`. */
function brokenText({ seq, table, id, reason }: BrokenRow): string {
  return `broken at seq ${seq} (${[table, id, reason].filter((word) => word !== null).join(', ')})`;
}

const STATE_TEXTS: Readonly<Record<HeadState, string>> = {
  good: 'good',
  unchecked: 'not checked: there is no key here',
  unsigned: 'good, but not signed',
  other_key: 'SIGNED WITH ANOTHER KEY than the one here',
  forged: 'THE SIGNATURE DOES NOT FIT',
  rewritten: 'REWRITTEN at or before this row since then',
  gone: 'GONE: the chain ends before this row',
  broken: 'NOT REACHED: the chain is broken before this row',
};

function signedText({ head, state }: HeadProof): string {
  return `${moment(head.signedAt)} at seq ${head.seq}: ${STATE_TEXTS[state]}`;
}

function printReport({ proof, exported, written }: Report, ok: boolean): void {
  printLine(tableLines(proof.chains, CHAINS).join('\n'));
  printLine();
  printLine(tableLines(proof.evidence, EVIDENCE).join('\n'));
  if (proof.heads.length > 0) {
    printLine();
    proof.heads.forEach((found, index) => {
      const { file = '', line = 0 } = exported[index] ?? {};
      printLine(`${file}:${line}: ${found.head.chain}, ${signedText(found)}`);
    });
  }
  printLine();
  if (written.length > 0) printLine(writtenText(written));
  else if (proof.chains.every(({ signed }) => signed === null)) {
    printLine('No chain is signed: `truebook verify --sign` does it with the key of the sealed secrets.');
  }
  printLine(ok ? 'Everything fits.' : 'Something was changed: see the rows above.');
}

function writtenText(heads: readonly WrittenHead[]): string {
  const isSigned = heads.every(({ signature }) => signature !== null);
  return isSigned
    ? `The heads of ${heads.length} chains are signed.`
    : `The heads of ${heads.length} chains are written down without a signature: there is no key here.`;
}
