/** Account activities: brokers/alpaca.md section 5. Ids sort by economic time; filters by when a row was created. */
import {
  compareInstants,
  instantFromMs,
  instantToMs,
  newYorkDate,
  type Instant,
} from '../../../domain/time.ts';
import { type Account, type Entry } from '../../entries.ts';
import { type View } from '../../view.ts';
import { type AssetBook } from './assets.ts';
import { describe } from './descriptions.ts';
import {
  ACTIVITY_TYPES,
  activityId,
  activityType,
  AlpacaError,
  dateOf,
  positionSymbol,
  queryInstant,
  queryInteger,
  queryList,
  text,
} from './wire.ts';

const PAGE_SIZE_MAX = 100;
/** Digits of a carried cost per share in rows of corporate actions. */
const COST_PLACES = 4;

export function activitiesAnswer(
  view: View,
  assets: AssetBook,
  onlyType: string | null,
  query: URLSearchParams,
): Record<string, unknown>[] {
  const wanted = wantedTypes(onlyType, query);
  const day = query.get('date');
  const after = queryInstant('after', query.get('after'));
  const until = queryInstant('until', query.get('until'));
  if (day !== null && (after ?? until) !== null)
    throw new AlpacaError(422, 42210000, 'date excludes after and until');
  const orderId = query.get('order_id');
  const direction = query.get('direction') ?? 'desc';
  if (direction !== 'asc' && direction !== 'desc')
    throw new AlpacaError(422, 42210000, `invalid direction: ${direction}`);
  // A day asked without a page size comes whole.
  const most = day !== null && !query.has('page_size') ? Number.MAX_SAFE_INTEGER : PAGE_SIZE_MAX;
  const pageSize = queryInteger('page_size', query.get('page_size'), 1, PAGE_SIZE_MAX, most);
  const token = query.get('page_token');

  const rows = view.listed
    .map((entry) => ({ id: activityId(entry), entry }))
    .filter(({ entry }) => {
      const created = entry.publishedAt!;
      return (
        wanted(entry) &&
        (day === null || newYorkDate(created) === day || created.slice(0, 10) === day) &&
        (after === null || compareInstants(created, after) > 0) &&
        (until === null || compareInstants(created, until) < 0) &&
        (orderId === null || entry.fill?.orderId === orderId)
      );
    })
    .sort((left, right) => (left.id < right.id ? -1 : 1));
  if (direction === 'desc') rows.reverse();
  const beyond =
    token === null || token === ''
      ? rows
      : rows.filter(({ id }) => (direction === 'desc' ? id < token : id > token));
  return beyond.slice(0, pageSize).map(({ entry }) => activityAnswer(entry, view.account, assets));
}

function wantedTypes(onlyType: string | null, query: URLSearchParams): (entry: Entry) => boolean {
  const category = query.get('category');
  const types = onlyType === null ? queryList(query.get('activity_types')) : [onlyType];
  if (onlyType !== null && query.has('activity_types'))
    throw new AlpacaError(422, 40010001, 'activity_types is not allowed here');
  if (types.length > 0 && category !== null)
    throw new AlpacaError(422, 40010001, 'category excludes activity_types');
  for (const type of types)
    if (!ACTIVITY_TYPES.has(type)) throw new AlpacaError(422, 40010001, `invalid activity type: ${type}`);
  if (category !== null && category !== 'trade_activity' && category !== 'non_trade_activity') {
    throw new AlpacaError(422, 40010001, `invalid category: ${category}`);
  }
  return (entry) => {
    const { type } = activityType(entry);
    if (category !== null) return (type === 'FILL') === (category === 'trade_activity');
    return types.length === 0 || types.some((one) => one === type || aliasHolds(one, type));
  };
}

/** TRANS and MISC are groups, not types. */
function aliasHolds(alias: string, type: string): boolean {
  if (alias === 'TRANS') return type === 'CSD' || type === 'CSW';
  return alias === 'MISC' && type !== 'CSD' && type !== 'CSW' && type !== 'DIV' && type !== 'FILL';
}

export function activityAnswer(entry: Entry, account: Account, assets: AssetBook): Record<string, unknown> {
  return entry.fill === null ? nonTradeAnswer(entry, account, assets) : fillAnswer(entry);
}

function fillAnswer(entry: Entry): Record<string, unknown> {
  const fill = entry.fill!;
  const whole = fill.remaining.isZero();
  return {
    id: activityId(entry),
    activity_type: 'FILL',
    transaction_time: entry.at,
    type: whole ? 'fill' : 'partial_fill',
    price: text(entry.price),
    qty: text(entry.quantity.abs()),
    side: fill.opensShort ? 'sell_short' : fill.side,
    symbol: entry.instrument!.symbol,
    leaves_qty: text(fill.remaining),
    order_id: fill.orderId,
    cum_qty: text(fill.filledSoFar),
    order_status: whole ? 'filled' : 'partially_filled',
    ...(entry.status === 'bust' ? { status: 'canceled' } : {}),
  };
}

function nonTradeAnswer(entry: Entry, account: Account, assets: AssetBook): Record<string, unknown> {
  const { type, subType } = activityType(entry);
  const { instrument } = entry;
  const isMoney = entry.action?.leg === 'money';
  const quantity = entry.entitled ?? (entry.quantity.isZero() && !isMoney ? null : entry.quantity);
  const perShare =
    entry.kind === 'dividend' && entry.entitled !== null && !entry.entitled.isZero()
      ? entry.amount.dividedBy(entry.entitled, 6)
      : null;
  const price =
    entry.action === null
      ? ['delivery', 'coin_fee'].includes(entry.kind)
        ? entry.price
        : null
      : (entry.price?.round(COST_PLACES) ?? null);
  return {
    id: activityId(entry),
    activity_type: type,
    ...(subType === null ? {} : { activity_sub_type: subType }),
    date: dateOf(entry),
    created_at: createdAt(entry),
    net_amount: text(entry.amount),
    description: describe(entry, account, perShare),
    ...(instrument === null
      ? {}
      : {
          symbol: entry.kind === 'coin_fee' ? positionSymbol(instrument) : instrument.symbol,
          cusip: assets.cusipOf(instrument),
        }),
    ...(quantity === null ? {} : { qty: text(quantity) }),
    ...(price === null ? {} : { price: text(price) }),
    ...(perShare === null ? {} : { per_share_amount: text(perShare) }),
    status: entry.status === 'bust' ? 'canceled' : 'executed',
    ...(entry.group !== null && entry.kind !== 'fee' && entry.kind !== 'coin_fee'
      ? { group_id: entry.group }
      : {}),
    currency: 'USD',
  };
}

const UNIT_KINDS: ReadonlySet<Entry['kind']> = new Set(['transfer', 'split', 'rename', 'spinoff', 'merger']);

/** Rows of money of one batch are created some microseconds apart; what moves units has its moment, as fills do. */
function createdAt(entry: Entry): Instant {
  if (UNIT_KINDS.has(entry.kind)) return entry.publishedAt!;
  const micro = String(entry.serial % 1000).padStart(3, '0');
  const base = instantFromMs(instantToMs(entry.publishedAt!));
  const digits = `${base.length > 20 ? base.slice(20, -1).padEnd(3, '0') : '000'}${micro}`.replace(/0+$/, '');
  return `${base.slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z` as Instant;
}
