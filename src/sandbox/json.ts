/** JSON in which number text survives both ways: `1.10` in a request stays those digits, a Decimal goes out unquoted. */
import { type Decimal } from '../domain/decimal.ts';

interface RawJson {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}

/** `JSON.rawJSON` and `JSON.isRawJSON`: in the runtime since Node 22, not yet in the compiler's library. */
const raw = JSON as unknown as RawJson;

/** A Decimal as a JSON number with all its digits: market data and the portfolio history are numbers on the wire. */
export function jsonNumber(value: Decimal): unknown {
  return raw.rawJSON(value.toString());
}

export function isJsonNumber(value: unknown): boolean {
  return raw.isRawJSON(value);
}

/** A number of a request as it was written. */
export class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Parses JSON with every number kept as its text. Throws `SyntaxError` as `JSON.parse` does. */
export function parseJsonExact(text: string): unknown {
  const keepNumbers = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value;
  return JSON.parse(text, keepNumbers as (key: string, value: unknown) => unknown);
}
