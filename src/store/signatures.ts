/**
 * Signatures over the heads of chains (Ed25519, RFC 8032): a chain alone proves nothing against somebody who can write
 * all of it anew; a head that was signed, or written down elsewhere, fixes everything before it.
 */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { canonicalJson } from '../domain/contentHash.ts';
import { type Instant } from '../domain/time.ts';

/** Bytes of a seed. */
export const SEED_BYTES = 32;

/** Where a chain stood at one moment. */
export interface HeadStatement {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  /** When it was written down. */
  readonly signedAt: Instant;
}

export interface ChainSigner {
  /** Base64 of the 32 bytes. */
  readonly publicKey: string;
  /** Base64. */
  sign(statement: HeadStatement): string;
}

/** DER around the 32 bytes of a key of either kind (RFC 8410). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The signer of a seed of 32 bytes: always the same one for the same seed. */
export function chainSigner(seed: Buffer): ChainSigner {
  if (seed.length !== SEED_BYTES) throw new RangeError(`A seed has ${SEED_BYTES} bytes, not ${seed.length}`);
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: der.subarray(PUBLIC_PREFIX.length).toString('base64'),
    sign: (statement) => sign(null, textOf(statement), key).toString('base64'),
  };
}

/** Whether the owner of this key said so; false also for a key or signature that is none. */
export function isSignedBy(publicKey: string, statement: HeadStatement, signature: string): boolean {
  const key = readPublicKey(publicKey);
  return key !== null && verify(null, textOf(statement), key, Buffer.from(signature, 'base64'));
}

function readPublicKey(text: string): KeyObject | null {
  try {
    const bytes = Buffer.concat([PUBLIC_PREFIX, Buffer.from(text, 'base64')]);
    return createPublicKey({ key: bytes, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

function textOf({ chain, seq, hash, signedAt }: HeadStatement): Buffer {
  return Buffer.from(`truebook/chain-head/1|${canonicalJson({ chain, seq, hash, signedAt })}`, 'utf8');
}
