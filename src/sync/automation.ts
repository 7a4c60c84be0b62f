/** Who placed a trade: one of the user's own programs, or a person (design section 4.6). Pure. */
import { type Activity } from '../domain/activity.ts';
import { type OrderReference } from '../domain/snapshot.ts';

/** Whether a client order id is one of automation's: `auto-*` matches every id that begins with `auto-`. */
export function isAutomated(clientOrderId: string | null, patterns: readonly string[]): boolean {
  if (clientOrderId === null) return false;
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 'u').test(clientOrderId);
  });
}

export interface OrdersKnown {
  /** What the broker or the database says of orders; one with nulls is an order the broker does not know. */
  readonly orders: readonly OrderReference[];
  /** Orders that trade-executed calls named. */
  readonly announced: ReadonlySet<string>;
  /** `AUTOMATION_ORDER_IDS`. */
  readonly patterns: readonly string[];
}

/** True for an order that none of the user's programs claims, false for one that does, null while nobody said. */
export function manualOrders(known: OrdersKnown): (orderId: string) => boolean | null {
  const byId = new Map<string, OrderReference>();
  for (const order of known.orders) {
    const before = byId.get(order.orderId);
    // Later words count, unless they only say that the broker no longer lists it.
    if (before === undefined || order.clientOrderId !== null || order.parentOrderId !== null)
      byId.set(order.orderId, order);
  }
  return (orderId) => {
    if (known.announced.has(orderId)) return false;
    const order = byId.get(orderId);
    if (order === undefined) return null;
    if (order.parentOrderId !== null && known.announced.has(order.parentOrderId)) return false;
    return !isAutomated(order.clientOrderId, known.patterns);
  };
}

/** The same for activities: null for what is no trade, too. */
export function manualTrades(isManual: (orderId: string) => boolean | null) {
  return ({ kind, orderId }: Activity): boolean | null => {
    if (kind !== 'fill') return null;
    return orderId === null ? true : isManual(orderId);
  };
}
