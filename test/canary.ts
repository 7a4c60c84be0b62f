/**
 * Canary secrets: values planted where secrets go, then searched in everything the program left behind. A hit in any
 * spelling (plain, UTF-16, JSON, URL, hex, base64 at any alignment) is a leak.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Canary {
  readonly name: string;
  readonly value: string;
}

/** A leak: which canary, in which spelling, where. Holds no part of the value. */
export interface CanaryHit {
  readonly canary: string;
  readonly spelling: string;
  readonly place: string;
}

/** A fresh secret with characters that JSON, URLs and base64 spell differently; usable as an HTTP header's value. */
export function plantCanary(name: string): Canary {
  return { name, value: `canary-"/+&=${randomBytes(12).toString('hex')}\\end` };
}

export interface SearchedPlaces {
  /** Searched with everything below them: databases, WAL, logs, temporary files. */
  readonly folders?: readonly string[];
  /** Captured outputs by name: stdout, stderr, answers of the API. */
  readonly outputs?: Readonly<Record<string, string | Uint8Array>>;
}

export function findCanaries(canaries: readonly Canary[], places: SearchedPlaces): CanaryHit[] {
  const hits: CanaryHit[] = [];
  const spelled = canaries.flatMap(({ name, value }) =>
    spellings(value).map(({ spelling, bytes }) => ({ canary: name, spelling, bytes })),
  );
  const search = (place: string, content: Buffer): void => {
    for (const { canary, spelling, bytes } of spelled) {
      if (content.includes(bytes)) hits.push({ canary, spelling, place });
    }
  };
  for (const [name, output] of Object.entries(places.outputs ?? {})) search(name, Buffer.from(output));
  for (const folder of places.folders ?? []) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      // A file's name can carry a secret as well as its content.
      search(`name of ${entry.name}`, Buffer.from(entry.name));
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) search(path, readFileSync(path));
    }
  }
  return hits;
}

/** Throws an error that lists every hit. */
export function assertNoCanary(canaries: readonly Canary[], places: SearchedPlaces): void {
  const hits = findCanaries(canaries, places);
  if (hits.length === 0) return;
  const lines = hits.map(({ canary, spelling, place }) => `  ${canary} as ${spelling} in ${place}`);
  throw new Error(`${hits.length} leaked secrets:\n${lines.join('\n')}`);
}

function spellings(value: string): { spelling: string; bytes: Buffer }[] {
  const bytes = Buffer.from(value, 'utf8');
  const json = JSON.stringify(value).slice(1, -1);
  const url = encodeURIComponent(value);
  const texts: [string, string][] = [
    ['plain', value],
    ['JSON', json],
    ['JSON in JSON', JSON.stringify(json).slice(1, -1)],
    ['URL', url],
    ['URL, lower case', url.replace(/%../g, (code) => code.toLowerCase())],
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
  ];
  for (const shift of [0, 1, 2]) {
    // Inside a longer text the first and last characters mix with their neighbours: they are left out.
    const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
    const inner = padded
      .toString('base64')
      .replace(/=+$/, '')
      .slice(Math.ceil((shift * 8) / 6), Math.floor((padded.length * 8) / 6));
    texts.push([`base64, shifted by ${shift}`, inner]);
    texts.push([`base64url, shifted by ${shift}`, inner.replaceAll('+', '-').replaceAll('/', '_')]);
  }
  // A plain word is spelled alike in several ways: one hit each is enough.
  const different = texts.filter(([, text], at) => texts.findIndex(([, other]) => other === text) === at);
  const found = different.map(([spelling, text]) => ({ spelling, bytes: Buffer.from(text, 'utf8') }));
  return [...found, { spelling: 'UTF-16', bytes: Buffer.from(value, 'utf16le') }];
}
