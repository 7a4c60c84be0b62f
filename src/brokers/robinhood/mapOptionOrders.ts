/** Robinhood's option orders -> one execution per leg and fill, never the combination itself. Pure. */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { firstProblem } from '../wireWords.ts';
import { contractOf, type Directory, type KnownContract } from './directory.ts';
import { dealtOut, directed, type Problem, quoted, sideOf, type Understood } from './mapped.ts';
import { byTime, fill, readExecutions } from './mapOrders.ts';
import { optionIdOf } from './mapOptions.ts';
import {
  type WireLeg,
  wireOptionExecution,
  type WireOptionExecution,
  type WireOptionOrder,
  wireOptionOrder,
} from './wireOrders.ts';

interface LegExecution extends WireOptionExecution {
  readonly known: KnownContract;
  readonly side: 'buy' | 'sell';
  readonly leg: WireLeg;
}

/** An option order. A price is the premium per share of its leg, a quantity contracts. */
export function mapOptionOrder(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireOptionOrder.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const executions: LegExecution[] = [];
  const problems: Problem[] = [];
  for (const [index, leg] of wire.legs.entries()) {
    const read = readLeg(leg, `${path}.legs[${index}]`, directory);
    executions.push(...read.good);
    problems.push(...read.problems);
  }
  executions.sort(byTime);
  const fees = problems.length > 0 ? null : feesOf(wire);
  const shares =
    fees === null || executions.length === 0
      ? null
      : dealtOut(
          fees,
          executions.map((execution) => execution.quantity),
        );
  const rows = executions.map((execution, index) => rowOf(execution, wire, shares?.[index] ?? null));
  return { rows, problems };
}

function readLeg(
  leg: WireLeg,
  path: string,
  directory: Directory,
): { good: readonly LegExecution[]; problems: readonly Problem[] } {
  if ((leg.executions ?? []).length === 0) return { good: [], problems: [] };
  const known = contractOf(directory, optionIdOf(leg));
  const side = sideOf(leg.side);
  if (known === null || side === null) {
    const reason =
      known === null
        ? { path: `${path}.option`, reason: 'Robinhood does not say what this contract is' }
        : { path: `${path}.side`, reason: `unknown side ${quoted(leg.side)}` };
    return { good: [], problems: [reason] };
  }
  const { good, problems } = readExecutions(leg.executions, path, wireOptionExecution);
  if (!known.multiplierKnown) {
    const reason = `the multiplier of the adjusted option ${known.instrument.symbol} is not known`;
    problems.push({ path: `${path}.option`, reason });
  }
  return { good: good.map((execution) => ({ ...execution, known, side, leg })), problems };
}

/**
 * What the whole order cost in fees: the premium less what really moved where both are stated, because discounts are in
 * there too (`gold_savings`); else the sum of the fees it lists. Null where neither is known.
 */
function feesOf(wire: WireOptionOrder): Decimal | null {
  const premium =
    wire.processed_premium === null
      ? null
      : directed(wire.processed_premium, wire.processed_premium_direction);
  const net = wire.net_amount === null ? null : directed(wire.net_amount, wire.net_amount_direction);
  if (premium !== null && net !== null && net.compare(premium) <= 0) return premium.minus(net);
  if (wire.regulatory_fees === null) return null;
  return wire.regulatory_fees.plus(wire.contract_fees ?? Decimal.zero);
}

function rowOf(execution: LegExecution, wire: WireOptionOrder, fees: Decimal | null): Activity {
  const { known, side, leg, price, quantity } = execution;
  const { instrument, multiplierKnown } = known;
  const money = multiplierKnown ? price.times(quantity).times(instrument.multiplier) : null;
  return fill(execution, { instrument, side, orderId: wire.id, brokerType: 'option_order' }, money, fees, {
    status: wire['state'] === 'voided' ? 'bust' : 'ok',
    details: leg.position_effect === null ? {} : { positionEffect: leg.position_effect },
  });
}
