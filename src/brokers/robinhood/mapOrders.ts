/**
 * Robinhood's stock and crypto orders -> executions. An order's state is not trusted: what was executed of it stands in
 * `executions`, also of one that was cancelled afterwards (robinhood.md 6.1). Pure.
 */
import { type ZodType } from 'zod';
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { compareInstants, type Instant } from '../../domain/time.ts';
import { firstProblem } from '../wireWords.ts';
import { type Directory, pairOf, stockOf } from './directory.ts';
import {
  activityOf,
  dealtOut,
  HOME,
  notUnderstood,
  NOTHING,
  type Problem,
  quoted,
  sideOf,
  type Understood,
} from './mapped.ts';
import { instrumentIdOf } from './mapPositions.ts';
import {
  wireCryptoExecution,
  type WireCryptoOrder,
  wireCryptoOrder,
  wireExecution,
  type WireExecution,
  type WireOrder,
  wireOrder,
} from './wireOrders.ts';

/** How far a broker's rounding to cents may lie from price times quantity. */
const CENT = Decimal.parse('0.01');

/** A stock order. One that was never executed is nothing; of several executions a bad one leaves the others. */
export function mapOrder(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireOrder.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  if ((wire.executions ?? []).length === 0) return NOTHING;
  const instrument = stockOf(directory, instrumentIdOf(wire));
  if (instrument === null)
    return notUnderstood(`${path}.instrument_id`, 'Robinhood does not say what this instrument is');
  const side = sideOf(wire.side);
  if (side === null) return notUnderstood(`${path}.side`, `unknown side ${quoted(wire.side)}`);
  const { good, problems } = readExecutions(wire.executions, path, wireExecution);
  const fees = feesOf(wire, good, problems.length > 0);
  const rows: Activity[] = [];
  for (const [index, execution] of good.entries()) {
    const money = moneyOf(execution);
    if (money === null) {
      problems.push({
        path: `${path}.executions`,
        reason: `execution ${execution.id}: price times quantity is not its rounded_notional`,
      });
      continue;
    }
    rows.push(
      fill(execution, { instrument, side, orderId: wire.id, brokerType: 'order' }, money, fees[index]!, {
        status: wire['state'] === 'voided' ? 'bust' : 'ok',
        details: detailsOf(wire, side),
      }),
    );
  }
  return { rows, problems };
}

/** The cash that moved, without sign: Robinhood rounds to cents. Null where the two figures contradict each other. */
function moneyOf({ price, quantity, rounded_notional: rounded }: WireExecution): Decimal | null {
  const exact = price.times(quantity);
  if (rounded === null) return exact;
  return exact.minus(rounded).abs().compare(CENT) <= 0 ? rounded : null;
}

/**
 * Fees per execution. The order's total holds those of its executions (6.1): where the executions add up to it they
 * count, else the total does, dealt out by quantity; null where neither is stated, or an execution is not readable.
 */
function feesOf(
  wire: WireOrder,
  executions: readonly WireExecution[],
  isPart: boolean,
): readonly (Decimal | null)[] {
  const own = executions.map((execution) => execution.fees);
  if (executions.length === 0) return [];
  const isOwnWhole = own.every((fee) => fee !== null);
  if (wire.fees === null || isPart) return own;
  if (isOwnWhole && Decimal.sum(own as readonly Decimal[]).equals(wire.fees)) return own;
  return dealtOut(
    wire.fees,
    executions.map((execution) => execution.quantity),
  );
}

function detailsOf(wire: WireOrder, side: 'buy' | 'sell'): Record<string, string> {
  return {
    ...(wire.side === side ? {} : { side: wire.side }),
    ...(wire.drip_dividend_id === null ? {} : { dividend: wire.drip_dividend_id }),
    ...(wire.placed_agent === null || wire.placed_agent === 'user' ? {} : { placedBy: wire.placed_agent }),
  };
}

// ---- what all executions share ----------------------------------------------------------------------------------

/** Executions in the order of their time, then their id: the last one takes what a division leaves, always the same. */
export function readExecutions<Execution extends Executed>(
  raws: readonly unknown[] | null,
  path: string,
  schema: ZodType<Execution>,
): { good: readonly Execution[]; problems: Problem[] } {
  const good: Execution[] = [];
  const problems: Problem[] = [];
  for (const [index, raw] of (raws ?? []).entries()) {
    const at = `${path}.executions[${index}]`;
    const parsed = schema.safeParse(raw);
    if (!parsed.success) problems.push(firstProblem(parsed.error, at));
    else if (parsed.data.quantity.sign() > 0) good.push(parsed.data);
    else problems.push({ path: `${at}.quantity`, reason: 'an execution of nothing' });
  }
  return { good: good.sort(byTime), problems };
}

interface Executed {
  readonly id: string;
  readonly quantity: Decimal;
  readonly timestamp: Instant;
}

export function byTime(left: Executed, right: Executed): number {
  return compareInstants(left.timestamp, right.timestamp) || (left.id < right.id ? -1 : 1);
}

export interface Placed {
  readonly instrument: Instrument;
  readonly side: 'buy' | 'sell';
  readonly orderId: string;
  readonly brokerType: string;
}

/** The activity of an execution: its id is its identity, for ever (design section 4.4). `money` is without sign and fees. */
export function fill(
  execution: {
    readonly id: string;
    readonly price: Decimal;
    readonly quantity: Decimal;
    readonly timestamp: Instant;
  },
  placed: Placed,
  money: Decimal | null,
  fees: Decimal | null,
  more: Partial<Activity> = {},
): Activity {
  const isBuy = placed.side === 'buy';
  return activityOf({
    rootId: execution.id,
    kind: 'fill',
    instrument: placed.instrument,
    quantity: isBuy ? execution.quantity : execution.quantity.negate(),
    price: execution.price,
    amount: isBuy ? (money?.negate() ?? null) : money,
    currency: placed.instrument.currency,
    fees,
    feesCurrency: fees === null ? null : HOME,
    executedAt: execution.timestamp,
    publishedAt: execution.timestamp,
    side: placed.side,
    orderId: placed.orderId,
    externalId: execution.id,
    brokerType: placed.brokerType,
    ...more,
  });
}

// ---- crypto -----------------------------------------------------------------------------------------------------

/** A crypto order (6.3). Its cash is rounded to cents once, over all its executions: the last one takes the rest. */
export function mapCryptoOrder(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireCryptoOrder.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  if ((wire.executions ?? []).length === 0) return NOTHING;
  const instrument = pairOf(directory, wire.currency_pair_id);
  if (instrument === null)
    return notUnderstood(`${path}.currency_pair_id`, 'Robinhood does not say what this pair is');
  const side = sideOf(wire.side);
  if (side === null) return notUnderstood(`${path}.side`, `unknown side ${quoted(wire.side)}`);
  const { good, problems } = readExecutions(wire.executions, path, wireCryptoExecution);
  const exact = good.map((one) => one.notional ?? one.effective_price.times(one.quantity));
  const money = problems.length > 0 ? exact : inCents(exact, wire.rounded_executed_notional);
  if (money === null) {
    const reason = 'what was executed is not the rounded_executed_notional';
    return notUnderstood(`${path}.rounded_executed_notional`, reason);
  }
  const placed: Placed = { instrument, side, orderId: wire.id, brokerType: 'crypto_order' };
  const rows = good.map((one, index) => {
    const isFree = one.fee_ratio !== null && one.fee_ratio.isZero() && (wire.fees ?? []).length === 0;
    return fill({ ...one, price: one.effective_price }, placed, money[index]!, isFree ? Decimal.zero : null, {
      status: wire['state'] === 'voided' ? 'bust' : 'ok',
    });
  });
  const isFeeUnknown = rows.some((row) => row.fees === null) && statesFee(wire, good);
  if (isFeeUnknown)
    problems.push({ path: `${path}.fees`, reason: 'the fees of a crypto order are not understood' });
  return { rows, problems };
}

function statesFee(wire: WireCryptoOrder, executions: readonly { fee_ratio: Decimal | null }[]): boolean {
  return (wire.fees ?? []).length > 0 || executions.some((one) => one.fee_ratio?.isZero() === false);
}

function inCents(exact: readonly Decimal[], total: Decimal | null): readonly Decimal[] | null {
  if (total === null) return exact;
  const difference = total.minus(Decimal.sum(exact));
  if (difference.abs().compare(CENT) > 0) return null;
  return exact.map((one, index) => (index === exact.length - 1 ? one.plus(difference) : one));
}
