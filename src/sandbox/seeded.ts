/**
 * Chance from a seed. Named draws (`named`) depend on the seed and a name only; drawn ones (`uuid`, `integer`) also on
 * how many were drawn before. Same seed and same calls in the same order give the same ids.
 */
import { createHash } from 'node:crypto';

export class Seeded {
  readonly #seed: string;
  #drawn = 0;

  constructor(seed: number) {
    this.#seed = String(seed);
  }

  /** The next identifier in the shape of a random UUID. */
  uuid(): string {
    return uuidOf(this.#next());
  }

  /** The next whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + (this.#next().readUInt32BE(0) % (most - least + 1));
  }

  /** An identifier that belongs to a name: the asset id of a symbol, say. */
  namedUuid(name: string): string {
    return uuidOf(this.#digest(`name:${name}`));
  }

  /** A whole number from `least` to `most` that belongs to a name. */
  namedInteger(name: string, least: number, most: number): number {
    return least + (this.#digest(`name:${name}`).readUInt32BE(0) % (most - least + 1));
  }

  /** `length` characters of `alphabet` that belong to a name: keys and numbers of accounts. */
  namedText(name: string, length: number, alphabet: string): string {
    let text = '';
    for (let block = 0; text.length < length; block += 1) {
      for (const byte of this.#digest(`text:${block}:${name}`)) text += alphabet[byte % alphabet.length];
    }
    return text.slice(0, length);
  }

  #next(): Buffer {
    this.#drawn += 1;
    return this.#digest(`draw:${this.#drawn}`);
  }

  #digest(text: string): Buffer {
    return createHash('sha256').update(`${this.#seed}:${text}`).digest();
  }
}

function uuidOf(digest: Buffer): string {
  const hex = digest.toString('hex');
  const variant = '89ab'[digest[8]! % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
