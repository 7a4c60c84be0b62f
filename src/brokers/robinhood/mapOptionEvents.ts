/**
 * Expiry, assignment and exercise -> the contract's row and the rows of what was delivered, one group. Their shares never
 * appear among the orders (robinhood.md 6, 7). Pure.
 */
import { type Activity, type ActivityKind } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { firstProblem } from '../wireWords.ts';
import { contractOf, type Directory, stockOf } from './directory.ts';
import {
  activityOf,
  directed,
  idInUrl,
  notUnderstood,
  NOTHING,
  onDay,
  quoted,
  sideOf,
  standing,
  type Understood,
} from './mapped.ts';
import { optionIdOf } from './mapOptions.ts';
import { type WireEquityComponent, type WireOptionEvent, wireOptionEvent } from './wireOptions.ts';

const KINDS: Readonly<Record<string, ActivityKind>> = {
  expiration: 'option_expiry',
  assignment: 'option_assignment',
  exercise: 'option_exercise',
};

const DONE: ReadonlySet<string> = new Set(['confirmed']);

/**
 * An event. Assignment closes what was sold, exercise what was bought; which side expired is told by the position it
 * names. It takes effect at the end of its day, after the day's last trade.
 */
export function mapOptionEvent(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireOptionEvent.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  // An event that was taken back before we saw it has no type left: it never counted.
  if (wire.type === 'voided') return NOTHING;
  const state = standing(wire.state, DONE);
  if (state === null) return notUnderstood(`${path}.state`, `unknown state ${quoted(wire.state)}`);
  if (state === 'open') return NOTHING;
  const kind = Object.hasOwn(KINDS, wire.type) ? KINDS[wire.type]! : null;
  if (kind === null) return notUnderstood(`${path}.type`, `unknown event ${quoted(wire.type)}`);
  const known = contractOf(directory, optionIdOf(wire));
  if (known === null)
    return notUnderstood(`${path}.option_id`, 'Robinhood does not say what this contract is');
  const sign = signOf(wire, kind, directory);
  if (sign === null)
    return notUnderstood(`${path}.position`, 'nobody says whether it closed a long or a short position');
  const common: Common = {
    ...onDay(wire.event_date, 'end'),
    status: state,
    publishedAt: wire.created_at,
    groupId: `event:${wire.id}`,
    externalId: wire.id,
    brokerType: `option_event/${wire.type}`,
  };
  const delivery = deliveryOf(wire, path, known.instrument, directory, common);
  if (delivery.problems.length > 0) return delivery;
  const contract = activityOf({
    ...common,
    rootId: `event:${wire.id}:option`,
    kind,
    instrument: known.instrument,
    quantity: sign > 0 ? wire.quantity.abs() : wire.quantity.abs().negate(),
    amount: Decimal.zero,
  });
  return { rows: [contract, ...delivery.rows], problems: [] };
}

type Common = Pick<
  Activity,
  | 'executedAt'
  | 'timePrecision'
  | 'tradeDate'
  | 'status'
  | 'publishedAt'
  | 'groupId'
  | 'externalId'
  | 'brokerType'
>;

/** +1 where a short position is closed, -1 for a long one, null where nobody tells. */
function signOf(wire: WireOptionEvent, kind: ActivityKind, directory: Directory): 1 | -1 | null {
  if (kind === 'option_assignment') return 1;
  if (kind === 'option_exercise') return -1;
  const id = idInUrl(wire.position, 'positions');
  const side = id === null ? undefined : directory.optionSides.get(id);
  if (side === undefined) return null;
  return side === 'short' ? 1 : -1;
}

/**
 * Shares at the strike, and money that is not theirs: index options and adjusted contracts settle in cash, too. What the
 * shares cost and the money must add up to the event's own total.
 */
function deliveryOf(
  wire: WireOptionEvent,
  path: string,
  contract: Instrument,
  directory: Directory,
  common: Common,
): Understood {
  const rows: Activity[] = [];
  for (const [index, component] of (wire.equity_components ?? []).entries()) {
    const leg = sharesOf(component, index, wire.id, directory, common);
    if (leg === null) {
      const at = `${path}.equity_components[${index}]`;
      return notUnderstood(at, 'the shares of this event are not understood');
    }
    rows.push(leg);
  }
  const total = totalOf(wire);
  if (total === null)
    return notUnderstood(`${path}.direction`, `unknown direction ${quoted(wire.direction)}`);
  const rest = total.minus(Decimal.sum(rows.map((row) => row.amount!)));
  if (rest.isZero()) return { rows, problems: [] };
  if (rows.length > 0 && (wire.cash_component === null || wire.cash_component === undefined)) {
    return notUnderstood(`${path}.total_cash_amount`, 'the money of the event is not that of its shares');
  }
  const cash = activityOf({
    ...common,
    rootId: `event:${wire.id}:cash`,
    kind: 'option_delivery',
    instrument: contract,
    amount: rest,
  });
  return { rows: [...rows, cash], problems: [] };
}

function totalOf(wire: WireOptionEvent): Decimal | null {
  const { total_cash_amount: total, direction } = wire;
  return total === null || total.isZero() ? Decimal.zero : directed(total, direction);
}

function sharesOf(
  component: WireEquityComponent,
  index: number,
  event: string,
  directory: Directory,
  common: Common,
): Activity | null {
  const instrument = stockOf(directory, idInUrl(component.instrument, 'instruments'));
  const side = sideOf(component.side);
  if (instrument === null || side === null || component.quantity.sign() <= 0) return null;
  const quantity = side === 'buy' ? component.quantity : component.quantity.negate();
  return activityOf({
    ...common,
    rootId: `event:${event}:${component.id ?? `shares${index}`}`,
    kind: 'option_delivery',
    instrument,
    quantity,
    price: component.price,
    amount: quantity.times(component.price).negate(),
  });
}
