/**
 * What Alpaca says only in words: the terms of spin-offs and mergers, and which fee a fee is. Sources: samples in its
 * guides to non-trade and activity streams and its page on mandatory corporate actions. Quantities and money never come
 * from here; a text nobody recognizes gives nothing.
 */
import { Decimal } from '../../domain/decimal.ts';
import { type WireNonTrade } from './wire.ts';

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const SYMBOL = String.raw`([A-Za-z0-9][A-Za-z0-9./_-]*)`;

/** `Target Symbol: CON, Initiating Symbol: SEM, 0.806971 CON for each 1 SEM` */
const SPIN_OFF = new RegExp(`\\b${NUMBER} ${SYMBOL} for each ${NUMBER} ${SYMBOL}$`);
/** `Stock Merger 0.255 COP for 1 MRO`, `Stock Cash Merger 1 737CVR019 and $9 for 1 PSTX` */
const STOCK_MERGER = new RegExp(
  `^Stock (?:Cash )?Merger ${NUMBER} ${SYMBOL}(?: and \\$${NUMBER})? for ${NUMBER} ${SYMBOL}$`,
);
/** `Cash Merger $12.6341694 per share` */
const CASH_MERGER = new RegExp(`^Cash Merger \\$${NUMBER} per share$`);
/** `REG fee for proceed of $15.37 on 2024-12-10 by 123456789`, `OCC Clearing Fee` */
const FEE = /^([A-Z]{3}) (?:[Ff]ee|Clearing Fee)\b(?:.* on (\d{4}-\d{2}-\d{2})\b)?/;

/**
 * Both rows of a spun-off parent: they restate its cost and leave its quantity alone, and say so. The new cost per share
 * is in the price of the one that adds, the old one in the price of the one that removes.
 */
export function restatesCost(wire: WireNonTrade): boolean {
  if (wire.activity_type !== 'SPIN' && wire.activity_type !== 'SSO') return false;
  return /^(?:ADD|REMOVE), cost basis adjustment\b/i.test(wire.description ?? '');
}

/** The description without the account's number, which fees carry at their end. */
export function descriptionOf(wire: WireNonTrade): string | null {
  if (wire.activity_type !== 'FEE') return wire.description;
  return wire.description?.replace(/ by [A-Z0-9-]{6,}$/i, '') ?? null;
}

/**
 * Terms as canonical strings. Of a spin-off: `ratioNew` shares for each `ratioOld` of `parent`. Of a merger: `ratioNew`
 * of `newSymbol` for `ratioOld` of `oldSymbol`, and `cash` for `ratioOld` old shares. Of a fee: `feeType` (REG, TAF,
 * ORF, OCC, CAT, ...) and `feeDate`, the day it was charged for.
 */
export function termsInWords(wire: WireNonTrade): Record<string, string> {
  const text = wire.description ?? '';
  switch (wire.activity_type) {
    case 'SPIN':
    case 'SSO': {
      if (restatesCost(wire)) return { restates: 'cost' };
      const [, ratioNew, , ratioOld, parent] = SPIN_OFF.exec(text) ?? [];
      return stated({ parent, ratioNew, ratioOld });
    }
    case 'MA': {
      const [, perShare] = CASH_MERGER.exec(text) ?? [];
      if (perShare !== undefined) return stated({ cash: perShare, ratioOld: '1' });
      const [, ratioNew, newSymbol, cash, ratioOld, oldSymbol] = STOCK_MERGER.exec(text) ?? [];
      return stated({ ratioNew, newSymbol, cash, ratioOld, oldSymbol });
    }
    case 'FEE': {
      const [, inWords, feeDate] = FEE.exec(text) ?? [];
      return stated({ feeType: wire.activity_sub_type ?? inWords, feeDate });
    }
    default:
      return {};
  }
}

/** What a text gave; numbers in canonical form, so that `9.50` and `9.5` are the same content. */
function stated(terms: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(terms).flatMap(([name, value]) => {
      if (value === undefined) return [];
      return [[name, NUMERIC.has(name) ? Decimal.parse(value).toString() : value]];
    }),
  );
}

const NUMERIC: ReadonlySet<string> = new Set(['ratioNew', 'ratioOld', 'cash']);
