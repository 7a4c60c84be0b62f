/**
 * Where the open lots are not the position: units that left before anything says that they came, as from a transfer that
 * is not listed yet, or more than a corporate action took (pnl rules 11.1). The listing of lots cannot show them as rows.
 */
import { type Account } from '../../domain/account.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type InstrumentId } from '../../domain/instrument.ts';
import { type Lot } from '../../domain/lot.ts';
import { bookThen, epochOf, isTimeTravel } from '../asOf.ts';
import { type BookScope } from './bookFacts.ts';
import { type RecordContext } from './context.ts';

export interface UncoveredRecord {
  readonly account: string;
  readonly symbol: string;
  readonly instrument: string;
  /** What the open lots add up to, shorts negative. */
  readonly lots: string;
  /** What the book holds by its activities. */
  readonly position: string;
  /** `lots` less `position`. */
  readonly uncovered: string;
}

/** Instruments whose open lots do not add up to the position, by account and symbol. */
export async function uncoveredRecordsOf(
  context: RecordContext,
  scope: BookScope = {},
): Promise<readonly UncoveredRecord[]> {
  const { store } = context;
  const found: UncoveredRecord[] = [];
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account]) {
    const { lots, held } = await bookOf(context, account, scope);
    const sums = new Map<InstrumentId, Decimal>();
    for (const { instrument, direction, openQuantity } of lots) {
      const units = direction === 'long' ? openQuantity : openQuantity.negate();
      sums.set(instrument, (sums.get(instrument) ?? Decimal.zero).plus(units));
    }
    const ids = [...new Set([...sums.keys(), ...held.keys()])].filter(
      (id) => !quantityOf(sums, id).equals(quantityOf(held, id)),
    );
    const instruments = await store.instruments(ids);
    for (const id of ids) {
      const [units, position] = [quantityOf(sums, id), quantityOf(held, id)];
      found.push({
        account: account.name,
        symbol: instruments.get(id)?.symbol ?? id,
        instrument: id,
        lots: units.toString(),
        position: position.toString(),
        uncovered: units.minus(position).toString(),
      });
    }
  }
  return found.sort((left, right) => (left.instrument < right.instrument ? -1 : 1));
}

interface Held {
  readonly lots: readonly Lot[];
  readonly held: ReadonlyMap<InstrumentId, Decimal>;
}

async function bookOf({ store }: RecordContext, account: Account, scope: BookScope): Promise<Held> {
  if (isTimeTravel(scope)) {
    const then = await bookThen(store, account, scope, await epochOf(store, account, scope));
    return {
      lots: then.lots,
      held: new Map([...then.fold.book.open].map(([id, { quantity }]) => [id, quantity])),
    };
  }
  const held = new Map<InstrumentId, Decimal>();
  for (const { instrument, bookQuantity } of await store.allPositions(account.id, account.epoch))
    held.set(instrument, quantityOf(held, instrument).plus(bookQuantity));
  return { lots: await store.lots({ accountId: account.id, open: true }), held };
}

function quantityOf(of: ReadonlyMap<InstrumentId, Decimal>, id: InstrumentId): Decimal {
  return of.get(id) ?? Decimal.zero;
}
