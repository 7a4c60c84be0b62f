/**
 * Who is asking: key headers, Basic or Bearer (brokers/alpaca.md section 1.2). Each account has two OAuth tokens: one
 * without scopes, which reads the trading host and the stream, and one with the scope `data`. New keys end both.
 */
import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders } from 'node:http';
import { type Account } from '../../entries.ts';
import { AlpacaError } from './wire.ts';

/** The account whose credentials the headers carry, among those allowed on this host. Throws 401, or 403 for none at all. */
export function authenticate(headers: IncomingHttpHeaders, accounts: readonly Account[]): Account {
  const account = accountOf(headers, accounts);
  if (account === undefined) throw new AlpacaError(401, null, 'unauthorized.');
  return account;
}

export function accountOf(headers: IncomingHttpHeaders, accounts: readonly Account[]): Account | undefined {
  const keyId = headers['apca-api-key-id'];
  const secret = headers['apca-api-secret-key'];
  const authorization = headers.authorization ?? '';
  if (typeof keyId === 'string' && typeof secret === 'string') return byKeys(accounts, keyId, secret);
  if (authorization.startsWith('Bearer ')) return byToken(accounts, authorization.slice(7).trim());
  if (authorization.startsWith('Basic ')) {
    const pair = Buffer.from(authorization.slice(6).trim(), 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    return byKeys(accounts, pair.slice(0, colon), pair.slice(colon + 1));
  }
  if (keyId !== undefined || secret !== undefined) return undefined;
  throw new AlpacaError(403, null, 'forbidden.');
}

export function byKeys(accounts: readonly Account[], keyId: string, secretKey: string): Account | undefined {
  return accounts.find((account) => account.keyId === keyId && account.secretKey === secretKey);
}

export function byToken(accounts: readonly Account[], token: string): Account | undefined {
  return accounts.find((account) => SCOPES.some((scope) => oauthToken(account, scope) === token));
}

/** Scopes a token of the sandbox may have; `none` can only read the account. */
export type OAuthScope = 'none' | 'data';
const SCOPES: readonly OAuthScope[] = ['none', 'data'];

/** A token in the shape of Alpaca's: text like a UUID. */
export function oauthToken(account: Pick<Account, 'keyId' | 'secretKey'>, scope: OAuthScope): string {
  const hex = createHash('sha256')
    .update(`oauth|${scope}|${account.keyId}|${account.secretKey}`)
    .digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

/** Throws 401 where a token without the scope `data` asks for market data; keys may ask for all of it. */
export function requireDataScope(headers: IncomingHttpHeaders, account: Account): void {
  const authorization = headers.authorization ?? '';
  if (!authorization.startsWith('Bearer ')) return;
  if (authorization.slice(7).trim() === oauthToken(account, 'data')) return;
  throw new AlpacaError(401, 40110000, 'token is not authorized for this scope');
}
