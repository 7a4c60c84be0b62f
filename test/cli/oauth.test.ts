/** `ALPACA_OAUTH_TOKEN` from the settings to the wire and the stream, with real processes against the sandbox. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type Check } from '../../src/cli/doctor.ts';
import { assertNoCanary, plantCanary } from '../canary.ts';
import { eventually, Place } from './command.ts';

const place = new Place();
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({});
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

/** The environment of a user who has a token and no file. */
function env(token: string, home = 'home'): Record<string, string> {
  const { tradingUrl, dataUrl } = sandbox.ready.alpaca.paper;
  return {
    TRUEBOOK_HOME: place.path(home),
    ALPACA_OAUTH_TOKEN: token,
    ALPACA_PAPER_URL: tradingUrl,
    ALPACA_DATA_URL: dataUrl,
  };
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly account?: string;
}
const requests = (): Request[] => sandbox.control('GET', '/control/requests').body as Request[];
const truth = () =>
  sandbox.control('GET', '/control/truth?account=alpaca-paper').body as {
    positions: { symbol: string; quantity: string }[];
    fills: { id: string }[];
  };
interface Position {
  readonly symbol: string;
  readonly quantity: string;
  readonly kind: string;
  readonly greeks: object | null;
}
async function positions(token: string, home?: string): Promise<Position[]> {
  const { stdout } = await place.run(['positions', '--json'], { env: env(token, home) });
  return JSON.parse(stdout) as Position[];
}

describe('a token', () => {
  it('reads the account it belongs to, whole', async () => {
    const { oauthToken } = sandbox.ready.alpaca.paper;
    expect(await place.run(['sync'], { env: env(oauthToken) })).toMatchObject({ code: 0 });
    const symbols = (rows: { symbol: string; quantity: string }[]): string[] =>
      rows.map(({ symbol, quantity }) => `${symbol} ${quantity}`).sort();
    expect(symbols(await positions(oauthToken))).toEqual(symbols(truth().positions));
    expect(requests().every((request) => request.account === 'alpaca-paper')).toBe(true);
    const status = await place.run(['status', '--json'], { env: env(oauthToken) });
    expect(JSON.parse(status.stdout)).toMatchObject({ accounts: [{ account: 'alpaca-paper', fresh: true }] });
  });

  it('without the scope data leaves out Greeks and nothing else; with it they are there', async () => {
    const { oauthToken, oauthDataToken } = sandbox.ready.alpaca.paper;
    const options = (await positions(oauthToken)).filter((row) => row.kind === 'option');
    expect(options.length).toBeGreaterThan(0);
    expect(options.map((row) => row.greeks)).toEqual(options.map(() => null));
    expect(await place.run(['sync'], { env: env(oauthDataToken, 'data') })).toMatchObject({ code: 0 });
    expect((await positions(oauthDataToken, 'data')).some((row) => row.greeks !== null)).toBe(true);
  });

  it('is judged by the doctor, who says that its scopes cannot be told', async () => {
    const { code, stdout } = await place.run(['doctor', '--json'], {
      env: env(sandbox.ready.alpaca.paper.oauthToken),
    });
    expect(code).toBe(0);
    const check = (JSON.parse(stdout) as Check[]).find(({ name }) => name === 'alpaca-paper');
    expect(check).toMatchObject({ level: 'ok', text: expect.stringMatching(/OAuth token works.*scopes/) });
  });

  it('opens the stream: a trade is in the book long before the next run is due', async () => {
    const { oauthToken } = sandbox.ready.alpaca.paper;
    const agent = place.start(['agent', '--interval', '3600'], { env: env(oauthToken) });
    await eventually(() =>
      requests().some(
        ({ method, path, account }) => method === 'WS' && path === 'listen' && account === 'alpaca-paper',
      )
        ? true
        : null,
    );
    await eventually(() => (agent.stdout().includes('last_sync_time=') ? true : null));
    const trade = { account: 'alpaca-paper', symbol: 'AAPL', side: 'buy', quantity: '1', price: '200' };
    expect(sandbox.control('POST', '/control/trade', trade).status).toBe(200);
    const newest = truth().fills.at(-1)!.id;
    await eventually(async () => {
      const { stdout } = await place.run(['trades', '--json'], { env: env(oauthToken) });
      return (JSON.parse(stdout) as { id: string }[]).some(({ id }) => id === newest) ? true : null;
    });
    agent.child.kill('SIGTERM');
    expect((await agent.done).code).toBe(0);
  });
});

describe('a token that does not work', () => {
  it('needs a login: exit code 4, a fault for the doctor, and its text is nowhere', async () => {
    const canary = plantCanary('ALPACA_OAUTH_TOKEN');
    const own = env(canary.value, 'wrong');
    const outputs: Record<string, string> = {};
    for (const args of [
      ['agent', '--once'],
      ['sync', '--verbose'],
      ['doctor', '--json'],
      ['status', '--json'],
      ['config'],
    ]) {
      const { code, stdout, stderr } = await place.run(args, { env: { ...own, LOG_LEVEL: 'DEBUG' } });
      outputs[args.join(' ')] = stdout + stderr;
      const expected: Record<string, number> = { agent: 4, sync: 4, doctor: 1, status: 0, config: 0 };
      expect({ args, code }).toEqual({ args, code: expected[args[0]!] });
    }
    expect(outputs['agent --once']).toContain('broker_auth');
    const fault = (JSON.parse(outputs['doctor --json']!) as Check[]).find(({ level }) => level === 'fault');
    expect(fault).toMatchObject({ name: 'alpaca-paper', fix: expect.stringContaining('ALPACA_OAUTH_TOKEN') });
    const { oauthToken, oauthDataToken } = sandbox.ready.alpaca.paper;
    const working = [
      { name: 'token', value: oauthToken },
      { name: 'data token', value: oauthDataToken },
    ];
    assertNoCanary([canary, ...working], { folders: [place.folder], outputs });
  });

  it('beside keys is refused with 2; the sealed one can be removed all the same', async () => {
    const { oauthToken, keyId, secretKey } = sandbox.ready.alpaca.paper;
    const { ALPACA_OAUTH_TOKEN, ...addresses } = env(oauthToken, 'both');
    const keysOnly = { ...addresses, ALPACA_API_KEY: keyId, ALPACA_SECRET_KEY: secretKey };
    const both = { ...keysOnly, ALPACA_OAUTH_TOKEN: ALPACA_OAUTH_TOKEN! };
    for (const command of ['sync', 'status', 'agent']) {
      const { code, stderr } = await place.run([command], { env: both });
      expect({ command, code }).toEqual({ command, code: 2 });
      expect(stderr).toContain('a connection uses either a token or keys');
    }
    expect((await place.run(['doctor'], { env: both })).code).toBe(3);
    await place.run(['secret', 'set', 'ALPACA_OAUTH_TOKEN'], { env: keysOnly, input: oauthToken });
    expect((await place.run(['sync'], { env: keysOnly })).code).toBe(2);
    expect((await place.run(['secret', 'remove', 'ALPACA_OAUTH_TOKEN'], { env: keysOnly })).code).toBe(0);
    expect((await place.run(['sync'], { env: keysOnly })).code).toBe(0);
  });

  it('that ends while an account is kept: 4, and the old data stays with its age', async () => {
    const { oauthToken } = sandbox.ready.alpaca.paper;
    const before = await positions(oauthToken);
    sandbox.control('POST', '/control/account', { account: 'alpaca-paper', action: 'new-keys' });
    expect((await place.run(['sync'], { env: env(oauthToken) })).code).toBe(4);
    const after = await positions(oauthToken);
    expect(after.map(({ symbol, quantity }) => `${symbol} ${quantity}`)).toEqual(
      before.map(({ symbol, quantity }) => `${symbol} ${quantity}`),
    );
  });
});
