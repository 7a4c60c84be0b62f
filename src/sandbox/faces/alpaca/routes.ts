/** Every read Alpaca's hosts answer here, as one table. A method other than GET, or a path not in it, is no read. */
import { type FaultResource } from '../../faults.ts';
import { type View } from '../../view.ts';
import { accountAnswer, configurationsAnswer } from './account.ts';
import { activitiesAnswer } from './activities.ts';
import { contractsAnswer, oneContractAnswer, type AssetBook } from './assets.ts';
import { calendarAnswer, clockAnswer } from './calendar.ts';
import { historyAnswer } from './history.ts';
import * as marketData from './marketData.ts';
import { oneOrderAnswer, orderByClientIdAnswer, ordersAnswer } from './orders.ts';
import { onePositionAnswer, positionsAnswer } from './positions.ts';
import { AlpacaError, queryBoolean } from './wire.ts';

export interface Asked {
  readonly view: View;
  readonly assets: AssetBook;
  readonly query: URLSearchParams;
  /** The parts of the path that the route left open, decoded. */
  readonly parts: readonly string[];
}

export interface Route {
  readonly host: 'trading' | 'data';
  readonly path: RegExp;
  readonly resource: FaultResource;
  readonly answer: (asked: Asked) => unknown;
}

export const ROUTES: readonly Route[] = [
  {
    host: 'trading',
    path: /^\/v2\/account$/,
    resource: 'account',
    answer: ({ view }) => accountAnswer(view),
  },
  {
    host: 'trading',
    path: /^\/v2\/account\/configurations$/,
    resource: 'account',
    answer: () => configurationsAnswer(),
  },
  {
    host: 'trading',
    path: /^\/v2\/account\/portfolio\/history$/,
    resource: 'marketdata',
    answer: ({ view, query }) => historyAnswer(view, query),
  },
  {
    host: 'trading',
    path: /^\/v2\/account\/activities$/,
    resource: 'activities',
    answer: ({ view, assets, query }) => activitiesAnswer(view, assets, null, query),
  },
  {
    host: 'trading',
    path: /^\/v2\/account\/activities\/([^/]+)$/,
    resource: 'activities',
    answer: ({ view, assets, query, parts }) => activitiesAnswer(view, assets, parts[0]!, query),
  },
  {
    host: 'trading',
    path: /^\/v2\/positions$/,
    resource: 'positions',
    answer: ({ view, assets }) => positionsAnswer(view, assets),
  },
  {
    host: 'trading',
    path: /^\/v2\/positions\/(.+)$/,
    resource: 'positions',
    answer: ({ view, assets, parts }) => onePositionAnswer(view, assets, parts[0]!),
  },
  {
    host: 'trading',
    path: /^\/v2\/orders$/,
    resource: 'orders',
    answer: ({ view, assets, query }) => ordersAnswer(view, assets, query),
  },
  {
    host: 'trading',
    path: /^\/v2\/orders:by_client_order_id$/,
    resource: 'orders',
    answer: ({ view, assets, query }) =>
      orderByClientIdAnswer(view, assets, query.get('client_order_id') ?? ''),
  },
  {
    host: 'trading',
    path: /^\/v2\/orders\/([^/]+)$/,
    resource: 'orders',
    answer: ({ view, assets, query, parts }) =>
      oneOrderAnswer(view, assets, parts[0]!, queryBoolean(query.get('nested'))),
  },
  {
    host: 'trading',
    path: /^\/v2\/clock$/,
    resource: 'marketdata',
    answer: ({ view }) => clockAnswer(view.now),
  },
  {
    host: 'trading',
    path: /^\/v2\/calendar$/,
    resource: 'marketdata',
    answer: ({ query }) => calendarAnswer(query),
  },
  {
    host: 'trading',
    path: /^\/v2\/assets$/,
    resource: 'marketdata',
    answer: ({ assets, query }) => assets.assets(query),
  },
  {
    host: 'trading',
    path: /^\/v2\/assets\/(.+)$/,
    resource: 'marketdata',
    answer: ({ assets, parts }) => assets.asset(parts[0]!),
  },
  {
    host: 'trading',
    path: /^\/v2\/options\/contracts$/,
    resource: 'options',
    answer: ({ view, assets, query }) => contractsAnswer(view, assets, query).body,
  },
  {
    host: 'trading',
    path: /^\/v2\/options\/contracts\/([^/]+)$/,
    resource: 'options',
    answer: ({ view, assets, parts }) => oneContractAnswer(view, assets, parts[0]!),
  },
  {
    host: 'data',
    path: /^\/v2\/stocks\/snapshots$/,
    resource: 'marketdata',
    answer: ({ view, query }) => marketData.stockSnapshots(view, query),
  },
  {
    host: 'data',
    path: /^\/v2\/stocks\/quotes\/latest$/,
    resource: 'marketdata',
    answer: ({ view, query }) => marketData.stockQuotes(view, query),
  },
  {
    host: 'data',
    path: /^\/v2\/stocks\/trades\/latest$/,
    resource: 'marketdata',
    answer: ({ view, query }) => marketData.stockTrades(view, query),
  },
  {
    host: 'data',
    path: /^\/v2\/stocks\/([^/]+)\/snapshot$/,
    resource: 'marketdata',
    answer: ({ view, parts }) => marketData.oneStockSnapshot(view, parts[0]!),
  },
  {
    host: 'data',
    path: /^\/v1beta1\/options\/snapshots$/,
    resource: 'options',
    answer: ({ view, query }) => marketData.optionSnapshots(view, null, query),
  },
  {
    host: 'data',
    path: /^\/v1beta1\/options\/snapshots\/([^/]+)$/,
    resource: 'options',
    answer: ({ view, query, parts }) => marketData.optionSnapshots(view, parts[0]!, query),
  },
  {
    host: 'data',
    path: /^\/v1beta1\/options\/quotes\/latest$/,
    resource: 'options',
    answer: ({ view, query }) => marketData.optionQuotes(view, query),
  },
  {
    host: 'data',
    path: /^\/v1beta1\/options\/trades\/latest$/,
    resource: 'options',
    answer: ({ view, query }) => marketData.optionTrades(view, query),
  },
  {
    host: 'data',
    path: /^\/v1beta3\/crypto\/us\/snapshots$/,
    resource: 'crypto',
    answer: ({ view, query }) => marketData.cryptoSnapshots(view, query),
  },
  {
    host: 'data',
    path: /^\/v1beta3\/crypto\/us\/latest\/quotes$/,
    resource: 'crypto',
    answer: ({ view, query }) => marketData.cryptoQuotes(view, query),
  },
  {
    host: 'data',
    path: /^\/v1beta3\/crypto\/us\/latest\/trades$/,
    resource: 'crypto',
    answer: ({ view, query }) => marketData.cryptoTrades(view, query),
  },
  {
    host: 'data',
    path: /^\/v1\/corporate-actions$/,
    resource: 'marketdata',
    answer: ({ view, query }) => marketData.corporateActions(view, query),
  },
];

export function findRoute(host: 'trading' | 'data', path: string): { route: Route; parts: string[] } | null {
  for (const route of ROUTES) {
    const match = route.host === host ? route.path.exec(path) : null;
    if (match !== null) return { route, parts: match.slice(1).map(decode) };
  }
  return null;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new AlpacaError(400, null, 'malformed path');
  }
}
