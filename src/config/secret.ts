import { inspect } from 'node:util';

const SHOWN = '[secret]';

/**
 * A value that cannot be printed by accident: text, JSON, templates, `console.log`, inspection and structured clones
 * all show `[secret]`. `reveal()` is the only way to it, and a test lists the files that may call it.
 */
export class Secret {
  readonly #value: string;
  /** The only enumerable part, so that clones and spreads show this and nothing else. */
  readonly shown = SHOWN;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: hand it to the wire and to nothing else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  valueOf(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
