/** JSON that other programs own in part: read and written again without changing a digit of any number. */
import { Decimal } from '../domain/decimal.ts';
import { parseJsonNumbers } from '../domain/json.ts';

/** A number by its own text, so that `0.10` stays `0.10`. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type KeptJson =
  | string
  | boolean
  | null
  | JsonNumber
  | Decimal
  | readonly KeptJson[]
  | { readonly [name: string]: KeptJson };

/** Reads JSON; numbers keep their text. Python's `NaN` and `Infinity` are no JSON: throws `SyntaxError`. */
export function readKeptJson(text: string): KeptJson {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return parseJsonNumbers(withoutMark, (source) => new JsonNumber(source)) as KeptJson;
}

/** Prints with two spaces per level, as Python's `json.dump(..., indent=2)` does; decimals become numbers. */
export function printKeptJson(value: KeptJson, indent = ''): string {
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof Decimal) return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = `${indent}  `;
  if (isList(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => `${inner}${printKeptJson(item, inner)}`).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).map(
    ([name, member]) => `${inner}${JSON.stringify(name)}: ${printKeptJson(member, inner)}`,
  );
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}

export function isObject(value: KeptJson | undefined): value is { readonly [name: string]: KeptJson } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !isList(value) &&
    !(value instanceof JsonNumber) &&
    !(value instanceof Decimal)
  );
}

function isList(value: KeptJson | undefined): value is readonly KeptJson[] {
  return Array.isArray(value);
}
