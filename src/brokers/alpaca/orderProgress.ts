/**
 * What was executed of the newest orders: `GET /v2/orders` (alpaca.md section 4). The list shows an execution at once,
 * its activity may follow later: where broker and book differ, it is the witness of trades nobody booked yet.
 */
import { type ExactJson } from '../../domain/json.ts';
import { type OrderProgress } from '../../domain/snapshot.ts';
import { instrumentOfActivity, type ContractTerms } from './instruments.ts';
import { type Reading } from './reading.ts';
import { firstProblem, wireOrderProgress, type WireOrderProgress } from './wire.ts';

/** The most orders one call answers (alpaca.md 4.1). */
export const ORDERS_MAX = 500;

/**
 * The newest orders, legs of combinations included and their parents not. An order that cannot be read fails the whole
 * read: a list with a hole would be taken for proof that nothing else was traded.
 */
export async function readOrderProgress(
  reading: Reading<readonly OrderProgress[]>,
  terms: ReadonlyMap<string, ContractTerms>,
): Promise<readonly OrderProgress[]> {
  const query = { status: 'all', nested: 'true', direction: 'desc', limit: String(ORDERS_MAX) };
  const { json } = await reading.get('order_progress', 'trading', '/v2/orders', query);
  if (!Array.isArray(json))
    return reading.fail('not_a_list', "Alpaca's answer for the list of orders is not a list.");
  return (json as readonly ExactJson[]).flatMap((raw, index) => {
    const parsed = wireOrderProgress.safeParse(raw);
    if (parsed.success) return mapOrderProgress(parsed.data, terms);
    const { path, reason } = firstProblem(parsed.error, `orders[${index}]`);
    return reading.fail('bad_order', `An order of Alpaca's list cannot be read: ${path}: ${reason}.`);
  });
}

/** An order, or the legs of a combination under the client order id of their parent; what has no terms is left out. */
export function mapOrderProgress(
  wire: WireOrderProgress,
  terms: ReadonlyMap<string, ContractTerms>,
): readonly OrderProgress[] {
  if (wire.legs !== null && wire.legs.length > 0)
    return wire.legs.flatMap((leg) => progressOf(leg, wire, terms) ?? []);
  return [progressOf(wire, null, terms)].flatMap((row) => row ?? []);
}

function progressOf(
  wire: WireOrderProgress,
  parent: WireOrderProgress | null,
  terms: ReadonlyMap<string, ContractTerms>,
): OrderProgress | null {
  const side = wire.side?.startsWith('buy') ? 'buy' : wire.side?.startsWith('sell') ? 'sell' : null;
  const submittedAt = wire.submitted_at ?? parent?.submitted_at ?? null;
  if (wire.symbol === null || side === null || wire.filled_qty === null || submittedAt === null) return null;
  return {
    orderId: wire.id,
    clientOrderId: (parent ?? wire).client_order_id,
    parentOrderId: parent?.id ?? null,
    instrument: instrumentOfActivity(wire.symbol, 'USD', terms).instrument,
    side,
    quantity: wire.qty?.abs() ?? null,
    filled: wire.filled_qty.abs(),
    averagePrice: wire.filled_qty.isZero() ? null : wire.filled_avg_price,
    submittedAt,
    updatedAt: wire.updated_at ?? parent?.updated_at ?? null,
  };
}
