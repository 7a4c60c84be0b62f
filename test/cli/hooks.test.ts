import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { Place } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
const posted: unknown[] = [];
let sandbox: Sandbox;
let server: Server;
let address: string;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      posted.push(JSON.parse(body));
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sync`;
});
afterAll(async () => {
  server.close();
  await sandbox.close();
  place.remove();
});

/** A hooks module, and a settings file in the same folder that names it by a relative path. */
function withHooks(name: string, text: string): string[] {
  const folder = place.path(name.replace(/\W/g, '-'));
  mkdirSync(folder);
  writeFileSync(`${folder}/${name}`, text);
  const file = `${folder}/hooks.env`;
  writeFileSync(file, `HOOKS=./${name}\nHOOKS_TIMEOUT=1\n`);
  return ['--config', settings, '--config', file];
}

describe('HOOKS', () => {
  it('stand around the cycle of agent --once: the webhook of the user guide', async () => {
    const config = withHooks(
      'webhook.ts',
      `import type { Hooks } from 'truebook';
      export default {
        async afterCycle(_context, result) {
          if (result === null || !result.accounts.every((account) => account.ok)) return;
          await fetch(process.env.SYNC_WEBHOOK_URL!, {
            method: 'POST',
            body: JSON.stringify({ sync_count: result.syncCount, timestamp: new Date().toISOString() }),
          });
        },
      } satisfies Hooks;`,
    );
    const env = { SYNC_WEBHOOK_URL: address };
    const { code, stdout } = await place.run(['agent', '--once', ...config], { env });
    expect(stdout).not.toContain('Hook');
    expect(code).toBe(0);
    expect(posted).toEqual([{ sync_count: 1, timestamp: expect.stringMatching(/^\d{4}-.*Z$/) }]);
  });

  it('that throw, hang and forget to wait fail no cycle, and the log says so', async () => {
    const config = withHooks(
      'bad.mjs',
      `export default {
        beforeCycle() { throw new Error('not today'); },
        beforeRead() { return new Promise(() => {}); },
        afterRead() { void Promise.reject(new Error('forgotten')); },
        onEvent(event) { if (event.kind === 'sync_completed') throw new Error('no event please'); },
      };`,
    );
    const { code, stdout } = await place.run(['agent', '--once', ...config]);
    expect(stdout).toContain('Hook beforeCycle: it threw: not today');
    expect(stdout).toContain('Hook beforeRead (alpaca-paper): it took longer than 1 s');
    expect(stdout).toContain('probably in a hook: forgotten');
    expect(stdout).toContain('Hook onEvent (alpaca-live): it threw: no event please');
    expect(stdout).toContain('✓ Sync cycle #1 completed successfully');
    expect(code).toBe(0);
    const log = readFileSync(place.path('sandbox.env-home', 'background_sync.log'), 'utf8');
    expect(log).toContain('ERROR - Hook beforeCycle: it threw: not today');
  });

  it('run in truebook sync too; their trouble is on stderr and the answer stays clean', async () => {
    const config = withHooks(
      'sync.mjs',
      `export function afterSync(_context, { ok }) { throw new Error('ok ' + ok); }`,
    );
    const { code, stdout, stderr } = await place.run(['sync', '--json', '--env', 'paper', ...config]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ account: 'alpaca-paper', ok: true }]);
    expect(stderr).toContain('Hook afterSync (alpaca-paper): it threw: ok true');
  });

  it.each([
    ['missing', ['agent', '--once'], 'HOOKS=./nowhere.ts', 'does not exist'],
    ['misspelled', ['sync'], null, 'Did you mean afterSync?'],
  ])('that are %s keep %j from starting, with file and fix', async (name, command, line, sentence) => {
    const config = withHooks(`${name}.mjs`, 'export default { aftersyn() {} };');
    if (line !== null) writeFileSync(config[3]!, `${line}\n`);
    const { code, stderr } = await place.run([...command, ...config]);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stderr).toContain(line === null ? 'misspelled.mjs' : 'nowhere.ts');
  });

  it('are not loaded by commands that only read', async () => {
    const config = withHooks('reading.mjs', 'throw new Error("loaded");');
    expect((await place.run(['positions', '--json', ...config])).code).toBe(0);
  });

  it('are tried by doctor', async () => {
    const good = await place.run([
      'doctor',
      ...withHooks('tried-good.mjs', 'export const afterSync = () => undefined;'),
    ]);
    expect(good.stdout).toMatch(/^ok +hooks +.*tried-good\.mjs can be loaded$/m);
    const bad = await place.run([
      'doctor',
      ...withHooks('tried-bad.mjs', 'export const afterSink = () => undefined;'),
    ]);
    expect(bad).toMatchObject({ code: 1 });
    expect(bad.stdout).toMatch(/^fault +hooks +.*tried-bad\.mjs/m);
  });
});
