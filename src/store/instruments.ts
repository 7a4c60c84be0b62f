/** Instruments and the names they are known by. */
import { Decimal } from '../domain/decimal.ts';
import {
  type Instrument,
  type InstrumentId,
  type InstrumentKind,
  type OptionRight,
} from '../domain/instrument.ts';
import { instantKey, type Instant, type TradeDate } from '../domain/time.ts';
import { type Queries } from './database.ts';
import { decimalText, inParts, insertRows, storableRow } from './rows.ts';
import { type InstrumentTable } from './schema.ts';
import { type RunCommit } from './store.ts';

/** Writes today's terms of instruments; `seen` are older sights (of a fill), written only where nothing stands yet. */
export async function saveInstruments(
  queries: Queries,
  current: readonly Instrument[],
  seen: readonly Instrument[],
): Promise<void> {
  await insertRows(queries, 'instrument', uniqueRows(current), { keys: ['id'], then: 'update' });
  const known = new Set(current.map((instrument) => instrument.id));
  const rest = seen.filter((instrument) => !known.has(instrument.id));
  await insertRows(queries, 'instrument', uniqueRows(rest), { keys: ['id'], then: 'nothing' });
}

/** Sorted by id, so that two transactions never wait for each other in a circle. */
function uniqueRows(instruments: readonly Instrument[]): InstrumentTableRow[] {
  const byId = new Map(instruments.map((instrument) => [instrument.id, instrument]));
  return [...byId.values()].sort((left, right) => (left.id < right.id ? -1 : 1)).map(instrumentRow);
}

type InstrumentTableRow = { [Column in keyof InstrumentTable]: InstrumentTable[Column] };

function instrumentRow(instrument: Instrument): InstrumentTableRow {
  return storableRow({
    id: instrument.id as string,
    kind: instrument.kind as string,
    symbol: instrument.symbol,
    currency: instrument.currency,
    multiplier: instrument.multiplier.toString(),
    option_underlying: instrument.option?.underlying ?? null,
    option_expiry: instrument.option?.expiry ?? null,
    option_strike: decimalText(instrument.option?.strike ?? null),
    option_right: instrument.option?.right ?? null,
  });
}

export function readInstrument(row: InstrumentTable): Instrument {
  return {
    id: row.id as InstrumentId,
    kind: row.kind as InstrumentKind,
    symbol: row.symbol,
    currency: row.currency,
    multiplier: Decimal.parse(row.multiplier),
    option:
      row.option_underlying === null || row.option_expiry === null || row.option_strike === null
        ? null
        : {
            underlying: row.option_underlying,
            expiry: row.option_expiry as TradeDate,
            strike: Decimal.parse(row.option_strike),
            right: row.option_right as OptionRight,
          },
  };
}

export async function loadInstruments(
  queries: Queries,
  ids: Iterable<string>,
): Promise<ReadonlyMap<InstrumentId, Instrument>> {
  const found = new Map<InstrumentId, Instrument>();
  for (const part of inParts([...new Set(ids)])) {
    const rows = await queries.selectFrom('instrument').selectAll().where('id', 'in', part).execute();
    for (const row of rows) found.set(row.id as InstrumentId, readInstrument(row));
  }
  return found;
}

/**
 * Notes the names an instrument is known by. A name that now means another instrument (a ticker used again) ends its
 * older meaning at `at`.
 */
export async function saveAliases(
  queries: Queries,
  aliases: RunCommit['aliases'],
  at: Instant,
): Promise<void> {
  if (aliases.length === 0) return;
  const rows = aliases.map((alias) =>
    storableRow({
      scheme: alias.scheme,
      alias: alias.alias,
      instrument: alias.instrument as string,
      valid_from: instantKey(at),
      valid_to: null,
    }),
  );
  const added = await insertRows(queries, 'instrument_alias', rows, {
    keys: ['scheme', 'alias', 'instrument'],
    then: 'nothing',
  });
  if (added === 0) return;
  for (const part of inParts(rows)) {
    await queries
      .updateTable('instrument_alias as older')
      .set({ valid_to: instantKey(at) })
      .where(
        'older.alias',
        'in',
        part.map((row) => row.alias),
      )
      .where('older.valid_to', 'is', null)
      .where((where) =>
        where.exists(
          where
            .selectFrom('instrument_alias as newer')
            .select('newer.alias')
            .whereRef('newer.scheme', '=', 'older.scheme')
            .whereRef('newer.alias', '=', 'older.alias')
            .whereRef('newer.instrument', '<>', 'older.instrument')
            .whereRef('newer.valid_from', '>', 'older.valid_from'),
        ),
      )
      .execute();
  }
}
