/** Splits -> a pair of rows, the old shares out and the new ones in. Pure. */
import { Decimal } from '../../domain/decimal.ts';
import { firstProblem } from '../wireWords.ts';
import { type Directory, stockOf } from './directory.ts';
import { activityOf, notUnderstood, NOTHING, onDay, quoted, standing, type Understood } from './mapped.ts';
import { type WireSplitPayment, wireSplitPayment } from './wireCash.ts';

const PAID: ReadonlySet<string> = new Set(['paid']);

/**
 * A split as this account got it, from the start of its effective day: orders of that day are in new shares, orders
 * before are not restated (robinhood.md 6.1). The ratio goes along; where the new instrument is another one (a new CUSIP),
 * the new shares are its.
 */
export function mapSplitPayment(raw: unknown, path: string, directory: Directory): Understood {
  const parsed = wireSplitPayment.safeParse(raw);
  if (!parsed.success) return { rows: [], problems: [firstProblem(parsed.error, path)] };
  const wire = parsed.data;
  const status = standing(wire.state, PAID);
  if (status === null) return notUnderstood(`${path}.state`, `unknown state ${quoted(wire.state)}`);
  if (status === 'open') return NOTHING;
  const before = stockOf(directory, wire.split.old_instrument_id);
  const after = stockOf(directory, wire.split.new_instrument_id);
  if (before === null || after === null)
    return notUnderstood(`${path}.split`, 'Robinhood does not say what this instrument is');
  const common = {
    ...onDay(wire.split.effective_date, 'start'),
    kind: 'split' as const,
    status,
    amount: Decimal.zero,
    publishedAt: wire.paid_at,
    groupId: `split:${wire.id}`,
    externalId: wire.id,
    brokerType: 'split',
    details: ratioOf(wire.split),
  };
  const rows = [
    activityOf({
      ...common,
      rootId: `split:${wire.id}:-`,
      instrument: before,
      quantity: wire.old_shares.negate(),
    }),
    activityOf({ ...common, rootId: `split:${wire.id}:+`, instrument: after, quantity: wire.new_shares }),
  ];
  const rest = wire.fractional_remainder;
  const problems =
    rest === null || rest.isZero()
      ? []
      : [
          {
            path: `${path}.fractional_remainder`,
            reason: 'nobody says whether a remainder is shares or money',
          },
        ];
  return { rows, problems };
}

function ratioOf({ multiplier, divisor }: WireSplitPayment['split']): Record<string, string> {
  if (multiplier === null || divisor === null || multiplier.sign() <= 0 || divisor.sign() <= 0) return {};
  return { ratioNew: multiplier.toString(), ratioOld: divisor.toString() };
}
