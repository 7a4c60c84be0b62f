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
  readonly orders: readonly OrderReference[];
  /** Orders that trade-executed calls named. */
  readonly announced: ReadonlySet<string>;
  /** `AUTOMATION_ORDER_IDS`. */
  readonly patterns: readonly string[];
}

/** True for a trade that none of the user's programs claims, false for one that does, null for what is no trade. */
export function manualTrades(known: OrdersKnown): (activity: Activity) => boolean | null {
  const byId = new Map(known.orders.map((order) => [order.orderId, order]));
  return (activity) => {
    if (activity.kind !== 'fill') return null;
    const { orderId } = activity;
    if (orderId === null) return true;
    const order = byId.get(orderId);
    const isAnnounced =
      known.announced.has(orderId) ||
      (order?.parentOrderId != null && known.announced.has(order.parentOrderId));
    return !isAnnounced && !isAutomated(order?.clientOrderId ?? null, known.patterns);
  };
}
