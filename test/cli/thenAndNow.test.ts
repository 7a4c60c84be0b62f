/** A person's word early in the day, and days, findings and returns of an earlier moment, on the command line. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseInstant } from '../../src/domain/time.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { Place } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
const PAPER = 'alpaca-paper';
let sandbox: Sandbox;

beforeAll(async () => {
  const clock = { kind: 'manual', at: parseInstant('2025-08-18T13:00:00Z') } as const;
  sandbox = await startSandbox({ envFile: settings, scenario: 'empty', clock });
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

const play = (path: string, body: object): void => {
  const { status } = sandbox.control('POST', `/control/${path}`, body);
  expect(status).toBeLessThan(300);
};
const run = async (...args: string[]) => await place.run([...args, '--account', PAPER, '--config', settings]);
const look = async (at: string): Promise<void> => {
  play('clock', { at });
  expect((await run('sync')).code).toBe(0);
};
const trade = (side: string, quantity: string, price: string, more: object = {}): void =>
  play('trade', { account: PAPER, side, quantity, symbol: 'XMPL', price, ...more });

it('a sale of this morning is this morning’s, and what was known before stays as it was', async () => {
  play('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  trade('buy', '10', '110');
  play('price', { symbol: 'XMPL', price: '120', hold: true });
  await look('2025-08-18T14:00:00Z');
  await look('2025-08-19T13:40:00Z');
  const before = JSON.parse((await run('pnl', '--returns', '--json')).stdout) as object[];
  trade('sell', '2', '115', { publish: 'never' });
  await look('2025-08-19T13:45:00Z');
  await look('2025-08-19T13:46:00Z');
  const [finding] = JSON.parse((await run('findings', '--json')).stdout) as {
    id: number;
    evidence: object[];
  }[];
  play('clock', { at: '2025-08-19T13:47:00Z' });
  // Quarter to ten in New York: noon has not come, the day has.
  const told = ['--as', 'external-change', '--price', '115', '--date', '2025-08-19', '--reason', 'by phone'];
  const answer = await place.run(['resolve', String(finding!.id), ...told, '--config', settings]);
  expect([answer.code, answer.stderr]).toEqual([0, '']);
  await look('2025-08-19T13:50:00Z');
  const [realized] = JSON.parse((await run('pnl', '--by', 'day', '--json')).stdout) as object[];
  expect(realized).toMatchObject({ group: '2025-08-19', realizedPnl: '10', realizedBasis: 'estimated' });
  expect((await run('findings')).stdout).toContain('No findings');
  await look('2025-08-20T14:00:00Z');
  const days = JSON.parse((await run('balances', '--daily', '--json')).stdout) as Record<string, string>[];
  expect(days.map((day) => `${day['date']} ${day['residualState']} ${day['residual']}`)).toContain(
    '2025-08-19 proved 0',
  );

  const known = ['--known-at', '2025-08-19T13:46:00Z', '--json'];
  const [then] = JSON.parse((await run('findings', ...known)).stdout) as { evidence: object[] }[];
  expect(then!.evidence).toEqual(finding!.evidence);
  expect(finding!.evidence.length).toBeGreaterThan(0);
  const shown = JSON.parse((await run('balances', '--daily', ...known)).stdout) as Record<string, string>[];
  expect(shown[0]).toMatchObject({ date: '2025-08-19', residualState: 'pending' });
  const returned = await run('pnl', '--returns', '--known-at', '2025-08-19T13:40:00Z', '--json');
  expect(JSON.parse(returned.stdout)).toEqual(before);
}, 120_000);
