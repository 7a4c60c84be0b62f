/** The ratio of a split that was cut to whole shares is in none of its rows: it comes from the corporate actions. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Activity } from '../../src/domain/activity.ts';
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
  const { broker } = openReplayed(replay);
  const read = await broker.readActivities({ kind: 'history', resumeAfter: null, pagesMax: 5 });
  if (read.kind !== 'complete') throw read.error;
  return read.rows.activities.map(({ details }: Activity) =>
    details['ratioNew'] === undefined ? '-' : `${details['ratioNew']}:${details['ratioOld'] ?? ''}`,
  );
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

test('without market data the rows are read all the same; with a fault of it they are read again later', async () => {
  listed('25', '8', 'RSPLIT');
  terms(null, 403);
  expect(await ratios()).toEqual(['-', '-']);
  terms({ corporate_actions: { reverse_splits: [{ symbol: 'XMPL', new_rate: 'x', old_rate: 3 }] } });
  await expect(ratios()).rejects.toMatchObject({ code: 'broker_bad_answer' });
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
