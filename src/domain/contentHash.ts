/**
 * Canonical text and hashes: the same content gives the same hash on every machine and in every database.
 */
import { hash } from 'node:crypto';
import { type Activity } from './activity.ts';

/** What canonical text can be made of. Decimals go in as their canonical text (`toJSON`). */
export type CanonicalValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | { toJSON(): string }
  | readonly CanonicalValue[]
  | { readonly [name: string]: CanonicalValue };

/**
 * JSON with sorted names and no spaces; `undefined` members are left out. Numbers must be safe integers, anything
 * else would not read back the same. Text is made storable (`storableText`) first.
 */
export function canonicalJson(value: CanonicalValue): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return JSON.stringify(storableText(value));
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} has no canonical text`);
    return String(value);
  }
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isPrinted(value)) return JSON.stringify(value.toJSON());
  let members = '';
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member === undefined) continue;
    members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}

/**
 * Text as both databases can hold it: PostgreSQL refuses the character U+0000 and half surrogate pairs, so both
 * become the replacement character.
 */
export function storableText(text: string): string {
  // Nearly every text is storable as it is, and asking costs less than making it anew.
  if (text.isWellFormed() && !text.includes('\0')) return text;
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** SHA-256 of the text's UTF-8 bytes, 64 hexadecimal digits. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

/** Of activities that were understood once and are told again, as the same objects, by every unchanged answer. */
const contentHashes = new WeakMap<Activity, string>();

/**
 * Hash over what an activity says, without its revision numbers and without where its option terms were looked up:
 * equal content means that nothing is new.
 */
export function contentHash(activity: Activity): string {
  const known = contentHashes.get(activity);
  if (known !== undefined) return known;
  const worked = hashOfContent(activity);
  contentHashes.set(activity, worked);
  return worked;
}

function hashOfContent(activity: Activity): string {
  const { instrument } = activity;
  return sha256(
    `truebook/activity-content/1|${canonicalJson({
      rootId: activity.rootId,
      kind: activity.kind,
      status: activity.status,
      instrument: instrument?.id ?? null,
      symbol: instrument?.symbol ?? null,
      multiplier: instrument?.multiplier ?? null,
      quantity: activity.quantity,
      price: activity.price,
      amount: activity.amount,
      currency: activity.currency,
      fees: activity.fees,
      feesCurrency: activity.feesCurrency,
      executedAt: activity.executedAt,
      timePrecision: activity.timePrecision,
      tradeDate: activity.tradeDate,
      publishedAt: activity.publishedAt,
      side: activity.side,
      orderId: activity.orderId,
      groupId: activity.groupId,
      externalId: activity.externalId,
      brokerType: activity.brokerType,
      description: activity.description,
      source: activity.source,
      details: activity.details,
    })}`,
  );
}

function isList(value: object): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}

function isPrinted(value: object): value is { toJSON(): string } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
