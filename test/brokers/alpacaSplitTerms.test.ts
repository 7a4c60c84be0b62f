/** The ratio of a split that was cut to whole shares is in none of its rows: it comes from the corporate actions. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Broker } from '../../src/brokers/broker.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { systemClock } from '../../src/platform.ts';
import { openReplayed, type Replay, sendJson, startReplay } from './replay.ts';

let replay: Replay;

beforeAll(async () => {
  replay = await startReplay();
});
afterAll(async () => {
  await replay.close();
});

function splitRow(sign: '+' | '-', qty: string, type: string): Record<string, unknown> {
  return {
    id: `20250820000000000::${sign}`,
    activity_type: 'SPLIT',
    activity_sub_type: type,
    date: '2025-08-20',
    created_at: '2025-08-20T08:31:07Z',
    net_amount: '0',
    symbol: 'XMPL',
    qty,
    status: 'executed',
    group_id: 'c59ca193-3d07-4e56-9402-698ea30cd48b',
  };
}

function listed(from: string, to: string, type: string): void {
  const rows = [splitRow('+', to, type), splitRow('-', `-${from}`, type)];
  replay.answer('/v2/account/activities', (_request, response, url) =>
    sendJson(response, 200, url.searchParams.has('page_token') ? '[]' : JSON.stringify(rows)),
  );
}

function terms(actions: object | null, status = 200): void {
  replay.answer('/v1/corporate-actions', (_request, response) =>
    sendJson(response, status, JSON.stringify(actions ?? { message: 'forbidden' })),
  );
}

/** Ratios of the rows as they are read: `1:3`, `-` where none is told. */
async function ratios(): Promise<string[]> {
  return (await readOnce()).ratios;
}

interface Look {
  readonly ratios: string[];
  /** What was told beside the rows. */
  readonly told: string[];
}

/** One read by an adapter that knows nothing yet. */
async function readOnce(): Promise<Look> {
  replay.requests.length = 0;
  return await lookWith(openReplayed(replay).broker);
}

async function lookWith(broker: Broker): Promise<Look> {
  const read = await broker.readActivities({ kind: 'history', resumeAfter: null, pagesMax: 5 });
  if (read.kind !== 'complete') throw read.error;
  const ratios = read.rows.activities.map(({ details }: Activity) =>
    details['ratioNew'] === undefined ? '-' : `${details['ratioNew']}:${details['ratioOld'] ?? ''}`,
  );
  return { ratios, told: read.evidence.quarantined.map(({ path, reason }) => `${path}: ${reason}`) };
}

const asked = (): number => replay.requests.filter(({ path }) => path === '/v1/corporate-actions').length;
const reverse = (fields: object = {}) => ({
  corporate_actions: {
    reverse_splits: [{ symbol: 'XMPL', new_rate: 1, old_rate: 3, ex_date: '2025-08-20', ...fields }],
  },
});

beforeEach(() => {
  replay.requests.length = 0;
});

test('a reverse split of whole shares has the ratio that is announced', async () => {
  listed('25', '8', 'RSPLIT');
  terms(reverse());
  expect(await ratios()).toEqual(['1:3', '1:3']);
  const [request] = replay.requests.filter(({ path }) => path === '/v1/corporate-actions');
  expect(Object.fromEntries(request!.url.searchParams)).toEqual({
    symbols: 'XMPL',
    types: 'forward_split,reverse_split',
    start: '2025-08-20',
    end: '2025-08-20',
  });
});

test('what nobody announces for that stock and day stays open', async () => {
  listed('25', '8', 'RSPLIT');
  for (const other of [
    reverse({ symbol: 'OTHER' }),
    reverse({ ex_date: '2025-08-21' }),
    { corporate_actions: {} },
  ]) {
    terms(other);
    expect(await ratios()).toEqual(['-', '-']);
  }
  terms({
    corporate_actions: { reverse_splits: [1, 2].map(() => reverse().corporate_actions.reverse_splits[0]) },
  });
  expect(await ratios()).toEqual(['-', '-']);
});

test('a key without market data leaves the ratio open without a word', async () => {
  listed('25', '8', 'RSPLIT');
  for (const status of [401, 403, 404]) {
    terms(null, status);
    expect(await readOnce()).toEqual({ ratios: ['-', '-'], told: [] });
  }
});

const unreadable = (fields: object) => JSON.stringify(reverse(fields));

test.each<readonly [string, number, string, string]>([
  ['a rate that is no number', 200, unreadable({ new_rate: 'x' }), 'new_rate'],
  ['another shape', 200, '{"corporate_actions":[]}', 'corporate_actions'],
  ['an error object', 200, '{"message":"try later"}', 'corporate_actions'],
  ['a web page', 200, '<html>portal</html>', 'not_json'],
  ['half of it', 200, unreadable({}).slice(0, 30), 'truncated'],
  ['nothing', 200, '', 'empty'],
  ['a fault', 500, '{}', 'http_500'],
  ['a limit', 429, '{}', 'http_429'],
  ['a refusal', 422, '{}', 'http_422'],
])('%s in place of the announcement: the rows are read, once, and the trouble is told', async (...given) => {
  const [, status, body, word] = given;
  listed('25', '8', 'RSPLIT');
  replay.answer('/v1/corporate-actions', (_request, response) =>
    sendJson(response, status, body, { 'retry-after': '600' }),
  );
  const { ratios, told } = await readOnce();
  expect(ratios).toEqual(['-', '-']);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/^corporate_actions of XMPL on 2025-08-20: .*its ratio is an estimate/);
  expect(told[0]).toContain(word);
  expect(asked()).toBe(1);
});

test('a line that breaks is trouble as well; the key waits for nobody afterwards', async () => {
  listed('25', '8', 'RSPLIT');
  replay.answer('/v1/corporate-actions', (_request, response) => void response.destroy());
  const { ratios, told } = await readOnce();
  expect([ratios, told.length, asked()]).toEqual([['-', '-'], 1, 1]);
});

test('after trouble it is asked for again a little later, told until then, and exact once it is read', async () => {
  listed('25', '8', 'RSPLIT');
  terms({}, 503);
  let minutes = 0;
  const clock = { ...systemClock(), wallMs: () => Date.UTC(2025, 7, 20, 16, minutes) };
  const { broker } = openReplayed(replay, { clock });
  const look = async () => await lookWith(broker);
  expect((await look()).told).toHaveLength(1);
  terms(reverse());
  minutes = 1;
  expect(await look()).toMatchObject({ ratios: ['-', '-'], told: [expect.stringContaining('http_503')] });
  expect(asked()).toBe(1);
  minutes = 5;
  expect(await look()).toEqual({ ratios: ['1:3', '1:3'], told: [] });
  terms({}, 503);
  minutes = 600;
  expect(await look()).toEqual({ ratios: ['1:3', '1:3'], told: [] });
  expect(asked()).toBe(2);
});

test('what nobody announced is asked for again after an hour', async () => {
  listed('25', '8', 'RSPLIT');
  terms({ corporate_actions: {} });
  let minutes = 0;
  const clock = { ...systemClock(), wallMs: () => Date.UTC(2025, 7, 20, 16, minutes) };
  const { broker } = openReplayed(replay, { clock });
  await lookWith(broker);
  terms(reverse());
  minutes = 59;
  expect((await lookWith(broker)).ratios).toEqual(['-', '-']);
  minutes = 60;
  expect((await lookWith(broker)).ratios).toEqual(['1:3', '1:3']);
});

test('the two rows of a split may stand on two pages', async () => {
  const [came, left] = [splitRow('+', '8', 'RSPLIT'), splitRow('-', '-25', 'RSPLIT')];
  replay.answer('/v2/account/activities', (_request, response, url) => {
    const token = url.searchParams.get('page_token');
    sendJson(response, 200, JSON.stringify(token === null ? [came] : token.endsWith('+') ? [left] : []));
  });
  terms(reverse());
  expect(await ratios()).toEqual(['1:3', '1:3']);
});

test('a split whose rows say the ratio is not asked for', async () => {
  terms(reverse());
  listed('25', '100', 'FSPLIT');
  expect(await ratios()).toEqual(['-', '-']);
  listed('0.54796447', '0.821946705', 'FSPLIT');
  expect(await ratios()).toEqual(['-', '-']);
  expect(asked()).toBe(0);
  listed('101', '151', 'FSPLIT');
  await ratios();
  expect(asked()).toBe(1);
});
