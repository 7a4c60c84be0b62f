/** From settings to the connections of this machine's user: which accounts are read, where, with which credentials. */
import { isLoopbackHost, isLoopbackUrl } from '../domain/loopback.ts';
import type { Secret } from './secret.ts';
import { definitionOf, settingNameFor } from './settings.ts';
import type { BrokerName, SettingName, SettingValue } from './settings.ts';

interface ConnectionBase {
  /** Unique: `alpaca` for the default connection, `alpaca-live` for the suffix `__LIVE`. */
  readonly name: string;
  /** `LIVE`; null for the default connection. `settingNameFor` makes the name a person must correct. */
  readonly suffix: string | null;
  readonly env: 'paper' | 'live';
}

export interface AlpacaConnection extends ConnectionBase {
  readonly broker: 'alpaca';
  readonly addresses: {
    readonly tradingUrl: string;
    readonly dataUrl: string;
    /** Same host as `tradingUrl`, `ws` or `wss`, path `/stream`. */
    readonly streamUrl: string;
  };
  readonly credentials:
    | { readonly kind: 'key'; readonly keyId: Secret; readonly secretKey: Secret }
    | { readonly kind: 'oauth'; readonly token: Secret };
}

export interface RobinhoodConnection extends ConnectionBase {
  readonly broker: 'robinhood';
  /** null: Robinhood's own hosts. */
  readonly addresses: { readonly baseUrl: string | null };
  readonly credentials: {
    readonly username: Secret;
    readonly password: Secret;
    readonly mfaSecret: Secret | null;
  };
}

export interface IbkrConnection extends ConnectionBase {
  readonly broker: 'ibkr';
  readonly addresses: { readonly host: string; readonly port: number; readonly flexUrl: string };
  readonly credentials: {
    readonly clientId: number;
    /** Only this account of the login; null = all. Never shown whole. */
    readonly account: string | null;
    readonly flex: { readonly token: Secret; readonly queryId: string } | null;
  };
}

export type Connection = AlpacaConnection | RobinhoodConnection | IbkrConnection;

/** Somebody began to describe a connection, but it cannot be used: told by agent and doctor, never silent. */
export interface IncompleteConnection {
  readonly name: string;
  readonly broker: BrokerName;
  /** Setting names as a person must write them. */
  readonly missing: readonly string[];
}

/** The value of one setting for one connection: its own, else (addresses, options) the plain one, else the default. */
export type Lookup = (base: SettingName, suffix: string | null) => SettingValue | null;

export interface ConnectionKey {
  readonly broker: BrokerName;
  readonly suffix: string | null;
}

/** Unique over brokers: `alpaca`, `alpaca-live`, `ibkr-main`. */
export function connectionName({ broker, suffix }: ConnectionKey): string {
  return suffix === null ? broker : `${broker}-${suffix.toLowerCase().replaceAll('_', '-')}`;
}

/** Builds every connection; what cannot be built is answered as incomplete with the names that are missing. */
export function buildConnections(
  keys: readonly ConnectionKey[],
  lookup: Lookup,
): { connections: Connection[]; incomplete: IncompleteConnection[] } {
  const connections: Connection[] = [];
  const incomplete: IncompleteConnection[] = [];
  for (const key of keys) {
    const built = builders[key.broker](key, lookup);
    if ('missing' in built) incomplete.push(built);
    else connections.push(built);
  }
  return { connections, incomplete };
}

const builders = { alpaca: buildAlpaca, robinhood: buildRobinhood, ibkr: buildIbkr } satisfies Record<
  BrokerName,
  (key: ConnectionKey, lookup: Lookup) => Connection | IncompleteConnection
>;

function buildAlpaca(key: ConnectionKey, lookup: Lookup): Connection | IncompleteConnection {
  const { suffix } = key;
  const keyId = lookup('ALPACA_API_KEY', suffix) as Secret | null;
  const secretKey = lookup('ALPACA_SECRET_KEY', suffix) as Secret | null;
  const token = lookup('ALPACA_OAUTH_TOKEN', suffix) as Secret | null;
  const env = lookup('ALPACA_ENV', suffix) as 'paper' | 'live';
  const tradingUrl = lookup(env === 'live' ? 'ALPACA_LIVE_URL' : 'ALPACA_PAPER_URL', suffix) as string;
  const dataUrl = lookup('ALPACA_DATA_URL', suffix) as string;
  const base = {
    name: connectionName(key),
    suffix,
    env,
    broker: 'alpaca',
    addresses: { tradingUrl, dataUrl, streamUrl: `${tradingUrl.replace(/^http/, 'ws')}/stream` },
  } as const;
  if (keyId !== null && secretKey !== null)
    return { ...base, credentials: { kind: 'key', keyId, secretKey } };
  if (token !== null) return { ...base, credentials: { kind: 'oauth', token } };
  return incompleteWithout(key, { ALPACA_API_KEY: keyId, ALPACA_SECRET_KEY: secretKey });
}

function buildRobinhood(key: ConnectionKey, lookup: Lookup): Connection | IncompleteConnection {
  const username = lookup('ROBINHOOD_USERNAME', key.suffix) as Secret | null;
  const password = lookup('ROBINHOOD_PASSWORD', key.suffix) as Secret | null;
  if (username === null || password === null) {
    return incompleteWithout(key, { ROBINHOOD_USERNAME: username, ROBINHOOD_PASSWORD: password });
  }
  return {
    name: connectionName(key),
    suffix: key.suffix,
    env: 'live',
    broker: 'robinhood',
    addresses: { baseUrl: lookup('ROBINHOOD_URL', key.suffix) as string | null },
    credentials: { username, password, mfaSecret: lookup('ROBINHOOD_MFA_CODE', key.suffix) as Secret | null },
  };
}

/** The ports TWS and the Gateway use for paper accounts, also behind the usual container images (ibkr.md). */
const IBKR_PAPER_PORTS: readonly number[] = [7497, 4002, 4004, 7499];

function buildIbkr(key: ConnectionKey, lookup: Lookup): Connection | IncompleteConnection {
  const { suffix } = key;
  const token = lookup('IBKR_FLEX_TOKEN', suffix) as Secret | null;
  const queryId = lookup('IBKR_FLEX_QUERY_ID', suffix) as string | null;
  if ((token === null) !== (queryId === null)) {
    return incompleteWithout(key, { IBKR_FLEX_TOKEN: token, IBKR_FLEX_QUERY_ID: queryId });
  }
  const port = lookup('IBKR_PORT', suffix) as number;
  return {
    name: connectionName(key),
    suffix,
    env: IBKR_PAPER_PORTS.includes(port) ? 'paper' : 'live',
    broker: 'ibkr',
    addresses: {
      host: lookup('IBKR_HOST', suffix) as string,
      port,
      flexUrl: lookup('IBKR_FLEX_URL', suffix) as string,
    },
    credentials: {
      clientId: lookup('IBKR_CLIENT_ID', suffix) as number,
      account: lookup('IBKR_ACCOUNT', suffix) as string | null,
      flex: token === null || queryId === null ? null : { token, queryId },
    },
  };
}

function incompleteWithout(
  key: ConnectionKey,
  needed: Partial<Record<SettingName, SettingValue | null>>,
): IncompleteConnection {
  const missing = (Object.keys(needed) as SettingName[]).filter((name) => needed[name] === null);
  return {
    name: connectionName(key),
    broker: key.broker,
    missing: missing.map((name) => settingNameFor(name, key.suffix)),
  };
}

/** True while nothing of this connection leaves the machine. */
export function staysOnThisMachine(connection: Connection): boolean {
  switch (connection.broker) {
    case 'alpaca':
      return isLoopbackUrl(connection.addresses.tradingUrl) && isLoopbackUrl(connection.addresses.dataUrl);
    case 'robinhood':
      return connection.addresses.baseUrl !== null && isLoopbackUrl(connection.addresses.baseUrl);
    case 'ibkr': {
      const { host, flexUrl } = connection.addresses;
      // Without a Flex token nothing is ever asked of the Flex address.
      return isLoopbackHost(host) && (connection.credentials.flex === null || isLoopbackUrl(flexUrl));
    }
  }
}

/** Whether a connection without the setting takes the plain one: addresses and options, never credentials. */
export function inheritsPlain(base: SettingName): boolean {
  // One TWS serves several connections, so its place is shared although it also names a connection.
  return definitionOf(base).part !== 'identity' || base === 'IBKR_HOST' || base === 'IBKR_PORT';
}
