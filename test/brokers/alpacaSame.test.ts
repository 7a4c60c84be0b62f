/** The same bytes twice: understood once, and what they say is of the later moment. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Broker } from '../../src/brokers/broker.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { openReplayed, rowsOf, sampleJson, sendJson, startReplay, type Replay } from './replay.ts';
import { parseInstant, type Clock } from '../../src/domain/time.ts';

let replay: Replay;
let wallMs = Date.parse('2025-08-21T16:00:00Z');
const clock: Clock = {
  wallMs: () => wallMs,
  monoMs: () => wallMs,
  epoch: 'test',
  sleep: () => new Promise(() => undefined),
};

beforeEach(async () => {
  replay = await startReplay();
});

afterEach(() => replay.close());

type Row = Record<string, unknown>;

test('an unchanged list says the same of a later moment, a changed one says what it says', async () => {
  const { broker } = openReplayed(replay, { clock });
  const first = rowsOf(await broker.readPositions());
  wallMs += 300_000;
  const second = await broker.readPositions();
  expect(second).toMatchObject({ kind: 'complete', asOf: '2025-08-21T16:05:00Z' });
  const later = rowsOf(second);
  expect(later.map((row) => row.markAsOf)).toEqual(
    later.map((row) => (row.mark === null ? null : '2025-08-21T16:05:00Z')),
  );
  expect(later.map((row) => ({ ...row, markAsOf: null }))).toEqual(
    first.map((row) => ({ ...row, markAsOf: null })),
  );

  const rows = sampleJson<Row[]>('positions.json');
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(
      response,
      200,
      JSON.stringify(rows.map((row, index) => (index === 0 ? { ...row, qty: '77', side: 'long' } : row))),
    ),
  );
  expect(rowsOf(await broker.readPositions())[0]!.quantity.toString()).toBe('77');
  replay.answer('/v2/positions', null);
  expect(rowsOf(await broker.readPositions())[0]!.quantity).toEqual(first[0]!.quantity);
});

test('a row that could not be read is told every time', async () => {
  const { broker } = openReplayed(replay, { clock });
  const rows = sampleJson<Row[]>('positions.json');
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(response, 200, JSON.stringify([...rows, { symbol: 'BROKEN', qty: 'many' }])),
  );
  for (let time = 0; time < 3; time += 1) {
    const read = await broker.readPositions();
    expect(read.evidence.quarantined.map((row) => row.path)).toHaveLength(1);
    expect(rowsOf(read)).toHaveLength(rows.length);
  }
});

describe('activities', () => {
  const window = { kind: 'since', after: parseInstant('1970-01-01T00:00:00Z') } as const;
  const read = async (broker: Broker): Promise<readonly Activity[]> =>
    rowsOf(await broker.readActivities(window)).activities;

  test('an unchanged page tells the same rows, a changed one what it says', async () => {
    const { broker } = openReplayed(replay, { clock });
    const rows = sampleJson<Row[]>('activities.json');
    const told = (list: readonly Row[]): void =>
      replay.answer('/v2/account/activities', (_request, response) =>
        sendJson(response, 200, JSON.stringify(list)),
      );
    const fills = rows.filter((row) => row['activity_type'] === 'FILL').slice(0, 5);
    told(fills);
    const first = await read(broker);
    expect(first).toHaveLength(5);
    const second = await read(broker);
    expect(second).toEqual(first);
    expect(second.every((row, index) => row === first[index])).toBe(true);
    told(fills.map((row, index) => (index === 0 ? { ...row, price: '77' } : row)));
    expect((await read(broker))[0]!.price!.toString()).toBe('77');
    told([]);
    expect(await read(broker)).toEqual([]);
    told(fills);
    expect(await read(broker)).toEqual(first);
  });

  test('a row that could not be read is told every time', async () => {
    const { broker } = openReplayed(replay, { clock });
    const fills = sampleJson<Row[]>('activities.json').filter((row) => row['activity_type'] === 'FILL');
    const broken = { ...fills[0], id: '20250821000000000::broken', qty: 'many' };
    replay.answer('/v2/account/activities', (_request, response) =>
      sendJson(response, 200, JSON.stringify([fills[1], broken])),
    );
    for (let time = 0; time < 3; time += 1) {
      const { evidence, ...answer } = await broker.readActivities(window);
      expect(answer.kind).toBe('complete');
      expect(evidence.quarantined).toHaveLength(1);
    }
  });
});
