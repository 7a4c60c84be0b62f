/** From the name a person writes (`AAPL`, `BTC/USD`, an OCC symbol) to the instrument, or null where it is no name. */
import { crypto, cryptoPair, equity, option, parseOcc, type Instrument } from '../domain/instrument.ts';
import { LISTINGS } from './listings.ts';

const SHARE_NAME = /^[A-Z][A-Z0-9]{0,5}(?:[.-][A-Z]{1,2})?$/;

export function instrumentOf(text: string): Instrument | null {
  const symbol = text.trim().toUpperCase();
  if (parseOcc(symbol) !== null) return option(symbol);
  if (symbol.includes('/')) return cryptoPair(symbol) === null ? null : crypto(symbol);
  // `BTCUSD` means the coin where the coin is listed; any other run of letters is a share.
  const pair = cryptoPair(symbol);
  if (pair !== null && LISTINGS.some((listing) => listing.symbol === `${pair.base}/${pair.quote}`))
    return crypto(symbol);
  return SHARE_NAME.test(symbol) ? equity(symbol) : null;
}
