/** Who is asking: key headers, Basic or Bearer (brokers/alpaca.md section 1.2). The secret key serves as OAuth token. */
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
  return accounts.find((account) => account.secretKey === token);
}
