/** Alpaca's words for kinds of instruments, as settings and files for old bots use them. */
import { TruebookError } from './errors.ts';
import { type InstrumentKind } from './instrument.ts';

export const ASSET_CLASSES = {
  us_equity: 'equity',
  us_option: 'option',
  crypto: 'crypto',
} as const satisfies Record<string, InstrumentKind>;

export type AssetClass = keyof typeof ASSET_CLASSES;

/** The kinds behind words such as `us_option`; null for no words = all kinds. Throws `config` for an unknown word. */
export function kindsOfClasses(words: readonly string[]): readonly InstrumentKind[] | null {
  if (words.length === 0) return null;
  return words.map((word) => {
    const kind = (ASSET_CLASSES as Readonly<Record<string, InstrumentKind>>)[word.toLowerCase()];
    if (kind !== undefined && Object.hasOwn(ASSET_CLASSES, word.toLowerCase())) return kind;
    throw new TruebookError(
      'config',
      `ALPACA_SYNC_ASSET_CLASSES: "${word.slice(0, 40)}" is no asset class.`,
      {
        hint: `Write any of ${Object.keys(ASSET_CLASSES).join(', ')}, separated by commas, or leave it empty for all.`,
      },
    );
  });
}

/** `us_option` for an option; other kinds keep their own word. */
export function assetClassOf(kind: InstrumentKind): string {
  const found = Object.entries(ASSET_CLASSES).find(([, of]) => of === kind);
  return found?.[0] ?? kind;
}
