/**
 * The only way out: every request Truebook can make, as data. What is not a row here cannot leave the process, so
 * "read-only" is a property of this table and not of good behaviour elsewhere (design promise 5).
 */
import { type BrokerName } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { isLoopbackHost } from '../domain/loopback.ts';

/** `GET` reads; `WS` opens a websocket. There is no word for anything that could change something at a broker. */
export type EgressMethod = 'GET' | 'WS';

export interface EgressRow {
  readonly broker: BrokerName;
  readonly method: EgressMethod;
  readonly hosts: readonly string[];
  /** Matches the whole decoded-once path, never a part of it. */
  readonly path: RegExp;
  readonly purpose: string;
  /** What is shown in place of the path, where the path itself names an account. */
  readonly shownAs?: string;
  /** For `WS`: the only values of `action` a message sent over it may carry. */
  readonly actions?: readonly string[];
}

const ALPACA_TRADING = ['api.alpaca.markets', 'paper-api.alpaca.markets'] as const;
const ROBINHOOD_API = ['api.robinhood.com'] as const;
const ROBINHOOD_CRYPTO = ['nummus.robinhood.com'] as const;
const ROBINHOOD_APP = ['bonfire.robinhood.com'] as const;
const ALPACA_DATA = ['data.alpaca.markets', 'data.sandbox.alpaca.markets'] as const;

export const EGRESS_TABLE: readonly EgressRow[] = [
  get('alpaca', ALPACA_TRADING, /^\/v2\/account$/, 'account and balances'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/positions$/, 'positions'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/account\/activities$/, 'activities'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/account\/portfolio\/history$/, 'equity of past days'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/orders$/, 'orders: who placed a trade'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/orders\/[0-9A-Za-z-]{1,64}$/, 'one order: who placed a trade'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/options\/contracts\/[0-9A-Z.]{1,32}$/, 'terms of an adjusted option'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/clock$/, 'market clock'),
  get('alpaca', ALPACA_TRADING, /^\/v2\/calendar$/, 'trading days'),
  get('alpaca', ALPACA_DATA, /^\/v1beta1\/options\/snapshots$/, 'option marks and Greeks'),
  get('alpaca', ALPACA_DATA, /^\/v2\/stocks\/snapshots$/, 'stock marks'),
  get('alpaca', ALPACA_DATA, /^\/v1beta3\/crypto\/us\/snapshots$/, 'crypto marks'),
  get('alpaca', ALPACA_DATA, /^\/v1\/corporate-actions$/, 'ratio of a split that was cut to whole shares'),
  {
    broker: 'alpaca',
    method: 'WS',
    hosts: ALPACA_TRADING,
    path: /^\/stream$/,
    purpose: 'trade updates, as a hint',
    actions: ['authenticate', 'listen'],
  },
  // Robinhood: robinhood.md 10 lists the calls. Its three hosts share paths, so each row names its own.
  get('robinhood', ROBINHOOD_API, /^\/accounts\/$/, 'accounts and balances'),
  {
    ...get('robinhood', ROBINHOOD_API, /^\/accounts\/[0-9A-Za-z]{4,32}\/$/, 'an account the list hides'),
    shownAs: '/accounts/{account}/',
  },
  {
    ...get('robinhood', ROBINHOOD_API, /^\/portfolios\/[0-9A-Za-z]{4,32}\/$/, 'value of an account'),
    shownAs: '/portfolios/{account}/',
  },
  get('robinhood', ROBINHOOD_APP, /^\/accounts\/unified\/$/, 'every account with its whole value'),
  get('robinhood', ROBINHOOD_API, /^\/positions\/$/, 'stock positions'),
  get('robinhood', ROBINHOOD_API, /^\/instruments\/$/, 'what an instrument id means'),
  get('robinhood', ROBINHOOD_API, /^\/marketdata\/quotes\/$/, 'stock marks'),
  get('robinhood', ROBINHOOD_API, /^\/options\/positions\/$/, 'option positions'),
  get('robinhood', ROBINHOOD_API, /^\/options\/instruments\/$/, 'terms of option contracts'),
  get('robinhood', ROBINHOOD_API, /^\/options\/chains\/[0-9A-Za-z_-]{1,64}\/$/, 'terms of adjusted options'),
  get('robinhood', ROBINHOOD_API, /^\/marketdata\/options\/$/, 'option marks and Greeks'),
  get('robinhood', ROBINHOOD_API, /^\/orders\/$/, 'stock trades'),
  get('robinhood', ROBINHOOD_API, /^\/orders\/[0-9A-Za-z_-]{1,64}\/$/, 'one order: who placed a trade'),
  get('robinhood', ROBINHOOD_API, /^\/options\/orders\/$/, 'option trades'),
  get(
    'robinhood',
    ROBINHOOD_API,
    /^\/options\/orders\/[0-9A-Za-z_-]{1,64}\/$/,
    'one option order: who placed a trade',
  ),
  get('robinhood', ROBINHOOD_API, /^\/options\/events\/$/, 'expiry, assignment, exercise'),
  get('robinhood', ROBINHOOD_API, /^\/dividends\/$/, 'dividends'),
  get('robinhood', ROBINHOOD_API, /^\/ach\/transfers\/$/, 'bank transfers'),
  get('robinhood', ROBINHOOD_APP, /^\/paymenthub\/unified_transfers\/$/, 'all transfers of money'),
  get('robinhood', ROBINHOOD_API, /^\/accounts\/sweeps\/$/, 'interest on cash'),
  get('robinhood', ROBINHOOD_API, /^\/accounts\/stock_loan_payments\/$/, 'income of lent shares'),
  get(
    'robinhood',
    ROBINHOOD_API,
    /^\/cash_journal\/margin_interest_charges\/$/,
    'interest on borrowed money',
  ),
  get('robinhood', ROBINHOOD_API, /^\/subscription\/subscription_fees\/$/, 'fees of a subscription'),
  get('robinhood', ROBINHOOD_API, /^\/corp_actions\/v2\/split_payments\/$/, 'splits'),
  get('robinhood', ROBINHOOD_API, /^\/corp_actions\/adr_fees\/$/, 'fees on foreign shares'),
  get('robinhood', ROBINHOOD_API, /^\/marketdata\/forex\/quotes\/$/, 'crypto marks'),
  get('robinhood', ROBINHOOD_CRYPTO, /^\/accounts\/$/, 'crypto account'),
  get('robinhood', ROBINHOOD_CRYPTO, /^\/holdings\/$/, 'crypto positions'),
  get('robinhood', ROBINHOOD_CRYPTO, /^\/currency_pairs\/$/, 'what a currency pair is'),
  get('robinhood', ROBINHOOD_CRYPTO, /^\/orders\/$/, 'crypto trades'),
  get(
    'robinhood',
    ROBINHOOD_CRYPTO,
    /^\/orders\/[0-9A-Za-z_-]{1,64}\/$/,
    'one crypto order: who placed a trade',
  ),
];

/** The row that allows a request. Throws `egress_refused` when there is none: the request is not made. */
export function allowedRow(
  broker: BrokerName,
  method: EgressMethod,
  address: string,
  loopback: readonly string[],
  table: readonly EgressRow[] = EGRESS_TABLE,
): { readonly row: EgressRow; readonly url: URL } {
  // Types forbid other methods; a caller without types is refused here.
  if (method !== 'GET' && method !== 'WS') throw refused(String(method), address, 'the method is not GET');
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null) throw refused(method, address, 'the address cannot be read');
  if (url.username !== '' || url.password !== '') throw refused(method, address, 'the address holds a login');
  const rows = table.filter((row) => row.broker === broker && row.method === method);
  const path = isLoopbackHost(url.hostname) ? pathBehindBase(url, loopback) : url.pathname;
  if (path === null)
    throw refused(method, address, 'this address of the machine itself is not in the settings');
  const row = rows.find((candidate) => candidate.path.test(path) && isAllowedHost(candidate, url));
  if (row === undefined)
    throw refused(method, address, `it is not in the table of allowed ${broker} requests`);
  return { row, url };
}

/** https on its own port at the hosts of the row; anything else only on loopback, which `pathBehindBase` checked. */
function isAllowedHost(row: EgressRow, url: URL): boolean {
  if (isLoopbackHost(url.hostname)) return isScheme(url, row.method, true);
  return isScheme(url, row.method, false) && url.port === '' && row.hosts.includes(url.hostname);
}

function isScheme(url: URL, method: EgressMethod, plainToo: boolean): boolean {
  const secure = method === 'WS' ? 'wss:' : 'https:';
  const plain = method === 'WS' ? 'ws:' : 'http:';
  return url.protocol === secure || (plainToo && url.protocol === plain);
}

/** The path behind the loopback base address that the settings name, null when none of them is the beginning of `url`. */
function pathBehindBase(url: URL, loopback: readonly string[]): string | null {
  for (const text of loopback) {
    if (!URL.canParse(text)) continue;
    const base = new URL(text);
    const prefix = base.pathname.replace(/\/$/, '');
    const sameHost = isLoopbackHost(base.hostname) && base.host === url.host;
    if (sameHost && (prefix === '' || url.pathname.startsWith(`${prefix}/`)))
      return url.pathname.slice(prefix.length);
  }
  return null;
}

function get(broker: BrokerName, hosts: readonly string[], path: RegExp, purpose: string): EgressRow {
  return { broker, method: 'GET', hosts, path, purpose };
}

function refused(method: string, address: string, why: string): TruebookError {
  const shown = address
    .replace(/[?#].*$/s, '')
    .replace(/\/\/[^/@]*@/, '//')
    .slice(0, 200);
  return new TruebookError('egress_refused', `${method} ${shown} was not sent: ${why}.`, {
    hint: 'Truebook only reads, and only at the addresses it knows. Check the address settings of this broker.',
    facts: { reason: 'egress_refused' },
  });
}
