/** The Alpaca adapter: one account of one environment, read-only. */
import { LATE_PUBLISHING } from './publishing.ts';
import { createHash } from 'node:crypto';
import { type AccountEnv } from '../../domain/account.ts';
import { TruebookError } from '../../domain/errors.ts';
import { type Clock } from '../../domain/time.ts';
import { type Egress } from '../../egress/egress.ts';
import { type Broker, type Capabilities } from '../broker.ts';
import { createAlpacaClient } from './client.ts';
import { createRedactor } from './redact.ts';
import { type StreamTiming, watchStream } from './stream.ts';

/** Something that holds a secret and shows it only when asked by name. */
export interface Revealable {
  reveal(): string;
}

/** OAuth without a scope is the only truly read-only credential Alpaca has (alpaca.md 1.2): prefer it. */
export type AlpacaCredentials =
  | { readonly kind: 'key'; readonly keyId: string; readonly secretKey: Revealable }
  | { readonly kind: 'oauth'; readonly token: Revealable };

export interface AlpacaOptions {
  readonly env: AccountEnv;
  readonly credentials: AlpacaCredentials;
  /** `https://paper-api.alpaca.markets` or `https://api.alpaca.markets`; the stream's address follows from it. */
  readonly tradingUrl: string;
  /** `https://data.alpaca.markets`. */
  readonly dataUrl: string;
  readonly egress: Egress;
  readonly clock: Clock;
  /** In [0, 1), for the stream's reconnects. Default: no jitter. */
  readonly random?: () => number;
  readonly streamTiming?: StreamTiming;
}

export const ALPACA_CAPABILITIES: Capabilities = {
  stableActivityIds: true,
  historyDaysMax: null,
  activitiesEveryRun: true,
  // Option events appear early the next day (alpaca.md "ten things" 3); 09:00 is when their absence means something.
  latePublishing: LATE_PUBLISHING,
  greeks: true,
  stream: true,
  statement: false,
  totalsProvePositions: true,
};

/** Opens nothing yet: the first read does. Throws `config` when the credentials are empty or cannot be sent. */
export function openAlpaca(options: AlpacaOptions): Broker {
  const { credentials, egress, clock } = options;
  // Checked here, because fetch would put an unsendable header's value, the secret, into its own error.
  if (!secretsOf(credentials).every((text) => /^[\x21-\x7e]+$/.test(text))) {
    throw new TruebookError(
      'config',
      `The credentials of the Alpaca ${options.env} account are empty or malformed.`,
      {
        hint:
          credentials.kind === 'oauth'
            ? 'Set ALPACA_OAUTH_TOKEN without spaces or quotes and without the word Bearer; `truebook doctor` checks it.'
            : 'Set ALPACA_API_KEY and ALPACA_SECRET_KEY without spaces or quotes; `truebook doctor` checks them.',
      },
    );
  }
  const identity = credentials.kind === 'key' ? credentials.keyId : credentials.token.reveal();
  // Budgets are counted per key; the same key in two connections meets in one bucket.
  const credential = createHash('sha256')
    .update(`truebook-credential|alpaca|${identity}`)
    .digest('hex')
    .slice(0, 16);
  const connection = {
    tradingUrl: options.tradingUrl,
    dataUrl: options.dataUrl,
    headers: () => headersOf(credentials),
    credential,
    credentialKind: credentials.kind,
    egress,
    clock,
    redactor: createRedactor(() => secretsOf(credentials)),
  };
  const client = createAlpacaClient(connection);
  const closing = new AbortController();
  const until = (signal?: AbortSignal): AbortSignal =>
    signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
  let watch: ReturnType<typeof watchStream> | null = null;

  return {
    name: 'alpaca',
    env: options.env,
    capabilities: ALPACA_CAPABILITIES,
    readBalances: (signal) => client.readBalances(until(signal)),
    readPositions: (signal) => client.readPositions(until(signal)),
    readActivities: (window, signal) => client.readActivities(window, until(signal)),
    readOrders: (orderIds, signal, lookupsMax) => client.readOrders(orderIds, until(signal), lookupsMax),
    readOrderProgress: (signal) => client.readOrderProgress(until(signal)),
    readQuotes: (instruments, signal) => client.readQuotes(instruments, until(signal)),
    readMarketClock: (signal) => client.readMarketClock(until(signal)),
    readCalendar: (from, to, signal) => client.readCalendar(from, to, until(signal)),
    readEquityHistory: (range, signal) => client.readEquityHistory(range, until(signal)),
    watch(onHint) {
      const state = watch?.status().state;
      if (state !== undefined && state !== 'closed' && state !== 'refused') {
        throw new TruebookError('internal', 'The stream of this account is open already.', {
          hint: 'Alpaca allows one stream per account: close the first one.',
        });
      }
      watch = watchStream({
        url: streamAddress(options.tradingUrl),
        egress,
        clock,
        random: options.random ?? (() => 0.5),
        credential,
        authentication: () => authenticationOf(credentials),
        onHint,
        ...(options.streamTiming === undefined ? {} : { timing: options.streamTiming }),
      });
      return watch;
    },
    async close() {
      closing.abort();
      await watch?.close();
    },
  };
}

/** Same host as trading, `ws`/`wss`, `/stream` (design section 11). */
export function streamAddress(tradingUrl: string): string {
  return `${tradingUrl.replace(/\/$/, '').replace(/^http/, 'ws')}/stream`;
}

function headersOf(credentials: AlpacaCredentials): Record<string, string> {
  const accept = { accept: 'application/json' };
  if (credentials.kind === 'oauth')
    return { ...accept, authorization: `Bearer ${credentials.token.reveal()}` };
  return {
    ...accept,
    'apca-api-key-id': credentials.keyId,
    'apca-api-secret-key': credentials.secretKey.reveal(),
  };
}

/** The form every official client sends (alpaca.md 7.1). */
function authenticationOf(credentials: AlpacaCredentials): Record<string, string> {
  if (credentials.kind === 'oauth') return { oauth_token: credentials.token.reveal() };
  return { key_id: credentials.keyId, secret_key: credentials.secretKey.reveal() };
}

function secretsOf(credentials: AlpacaCredentials): readonly string[] {
  return credentials.kind === 'oauth'
    ? [credentials.token.reveal()]
    : [credentials.secretKey.reveal(), credentials.keyId];
}
