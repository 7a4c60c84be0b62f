/** Reads that decorate the book and prove nothing: order references and option market data. Failing is no failure. */
import { type OrderReference, type Quote, type Read } from '../domain/snapshot.ts';
import { type RunFrame } from './commit.ts';
import { record, type Look } from './readBroker.ts';
import { type WorkedOut } from './workOut.ts';

export interface Extras {
  readonly orders: readonly OrderReference[];
  readonly quotes: readonly Quote[];
}

const ORDERS_PER_RUN = 50;

export async function readExtras(frame: RunFrame, look: Look, result: WorkedOut): Promise<Extras> {
  const { broker, store } = frame.deps;
  const { account } = frame.state;
  const fromRun = result.revisions.flatMap((row) =>
    row.kind === 'fill' && row.orderId !== null ? [row.orderId] : [],
  );
  const stored = await store.ordersWanted(account.id, account.epoch, ORDERS_PER_RUN);
  const wanted = [...new Set([...fromRun, ...stored])];
  const orders =
    wanted.length === 0
      ? []
      : rowsOf(
          record(
            frame.dossier,
            'orders',
            await broker.readOrders(wanted, frame.options.signal),
            (rows) => rows.length,
          ),
        );
  const options = look.positions.rows
    .map((position) => position.instrument)
    .filter((instrument) => instrument.kind === 'option');
  const quotes =
    options.length === 0 || !broker.capabilities.greeks
      ? []
      : rowsOf(
          record(
            frame.dossier,
            'marketdata',
            await broker.readQuotes(options, frame.options.signal),
            (rows) => rows.length,
          ),
        );
  return { orders, quotes };
}

function rowsOf<Row>(read: Read<readonly Row[]>): readonly Row[] {
  return read.kind === 'complete' ? read.rows : [];
}
