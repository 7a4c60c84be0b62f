/** Secrets planted where secrets go, searched in everything the commands print and leave behind. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { assertNoCanary, plantCanary } from '../canary.ts';
import { eventually, Place } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

it('no command lets a secret out, working or failing', async () => {
  const planted = [
    plantCanary('ALPACA_API_KEY__PAPER'),
    plantCanary('ALPACA_SECRET_KEY__PAPER'),
    plantCanary('SLACK_WEBHOOK_URL'),
    plantCanary('ROBINHOOD_PASSWORD'),
    plantCanary('ROBINHOOD_MFA_CODE'),
  ];
  const env = Object.fromEntries(planted.map(({ name, value }) => [name, value]));
  // The sandbox's own keys are secrets as well: they work, so they pass through the whole program.
  const { paper, live } = sandbox.ready.alpaca;
  const working = [paper, live].flatMap((one) => [
    { name: `${one.tradingUrl} key`, value: one.keyId },
    { name: `${one.tradingUrl} secret`, value: one.secretKey },
  ]);
  const sealed = plantCanary('sealed');
  const outputs: Record<string, string> = {};
  const run = async (args: string[], surroundings: { env?: Record<string, string>; input?: string }) => {
    const { stdout, stderr } = await place.run([...args, '--config', settings], surroundings);
    const name = `${args.join(' ')} ${surroundings.env === undefined ? '' : 'with canaries'}`;
    outputs[`${name} stdout`] = stdout;
    outputs[`${name} stderr`] = stderr;
  };

  await run(['agent', '--once'], { env: { LOG_LEVEL: 'DEBUG' } });
  await run(['secret', 'set', 'IBKR_FLEX_TOKEN'], { input: sealed.value });
  await run(['agent', '--once'], { env: { ...env, LOG_LEVEL: 'DEBUG' } });
  await run(['sync', '--verbose'], { env });
  await run(['doctor'], { env });
  await run(['config'], { env });
  await run(['config', '--json'], { env });
  await run(['status', '--json'], { env });
  await run(['findings', '--json'], {});
  await run(['status'], {
    env: { DATABASE_URL: `postgres://user:${encodeURIComponent(env['SLACK_WEBHOOK_URL']!)}@127.0.0.1:9/x` },
  });
  await run(['status'], {
    env: { DATABASE_URL: `mysql://user:${encodeURIComponent(env['SLACK_WEBHOOK_URL']!)}@host/x` },
  });
  await run(['status'], {
    env: { ...env, ALPACA_PAPER_URL: `http://x:${encodeURIComponent(env['ROBINHOOD_PASSWORD']!)}@host` },
  });
  const living = place.start(['agent', '--config', settings], { env });
  await eventually(() => (living.stdout().includes('last_sync_time=') ? true : null));
  living.child.kill('SIGKILL');
  const { stdout, stderr } = await living.done;

  expect(outputs['agent --once with canaries stdout']).toContain('broker_auth');
  // The file with the keys is where they may stand; everything else was written by us.
  writeFileSync(settings, '');
  assertNoCanary([...planted, ...working, sealed], {
    folders: [place.folder],
    outputs: { ...outputs, 'killed agent stdout': stdout, 'killed agent stderr': stderr },
  });
  expect(readFileSync(place.path('sandbox.env-home', 'background_sync.log'), 'utf8')).toContain(
    'broker_auth',
  );
});
