import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type TruebookError } from '../../src/domain/errors.ts';
import { checkHooks, checkModule } from '../../src/hooks/checkHooks.ts';
import { HOOK_NAMES } from '../../src/hooks/hooks.ts';
import { givenHooks, loadHooks } from '../../src/hooks/loadHooks.ts';
import { realSleep } from '../../src/platform.ts';

const folder = mkdtempSync(join(tmpdir(), 'truebook-hooks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function refusal(path: string, sleep: (ms: number) => Promise<void> = realSleep): Promise<string> {
  const error = (await loadHooks(path, { sleep }).catch((caught: unknown) => caught)) as TruebookError;
  expect(error.code).toBe('config');
  expect(error.message).toContain(path);
  return `${error.message} ${error.hint}`;
}

describe('a hooks module', () => {
  it.each([
    ['default.mjs', 'export default { afterSync() { return 1; } };', ['afterSync']],
    ['named.mjs', 'export function beforeSync() {}\nexport const address = "x";', ['beforeSync']],
    [
      'types.mts',
      'const hooks: { onEvent(e: object): void } = { onEvent() {} };\nexport default hooks;',
      ['onEvent'],
    ],
    ['waits.mjs', 'await null;\nexport default { afterCycle: async () => {} };', ['afterCycle']],
  ])('%s is loaded', async (name, text, hooks) => {
    expect(Object.keys(await loadHooks(written(name, text), { sleep: realSleep }))).toEqual(hooks);
  });

  it.each([
    ['empty.mjs', '', 'exports no hook'],
    ['none.mjs', 'export default {};', 'has no hook'],
    ['text.mjs', 'export default "afterSync";', 'is no object of hooks'],
    [
      'slip.mjs',
      'export default { afterSinc() {} };',
      'has a hook afterSinc, which does not exist. Did you mean afterSync?',
    ],
    ['far.mjs', 'export default { somethingElse() {} };', 'Hooks are beforeCycle, afterCycle, beforeSync'],
    [
      'namedslip.mjs',
      'export function afterSync() {}\nexport function beforRead() {}',
      'Did you mean beforeRead?',
    ],
    ['value.mjs', 'export default { afterSync: 1 };', 'has a hook afterSync that is no function'],
    ['throws.mjs', 'throw new Error("at its top");', 'cannot be loaded: at its top'],
    ['syntax.mjs', 'export default {', 'cannot be loaded: '],
    ['needs.mjs', 'import "not-there-at-all";', 'not-there-at-all'],
  ])('%s is refused with file and reason', async (name, text, sentence) => {
    expect(await refusal(written(name, text))).toContain(sentence);
  });

  it('that is not there is refused', async () => {
    expect(await refusal(join(folder, 'nowhere.ts'))).toContain('does not exist');
  });

  it('that waits for ever at its top does not keep an agent from saying so', async () => {
    const path = written('forever.mjs', 'await new Promise(() => {});\nexport default { afterSync() {} };');
    expect(await refusal(path, () => realSleep(50))).toContain('was not loaded within 30 s');
  });
});

describe('hooks handed over', () => {
  it('are what they are', () => {
    const hooks = { afterSync: () => undefined };
    expect(givenHooks(hooks)).toBe(hooks);
    expect(() => givenHooks({ aftersync: () => undefined })).toThrow(
      'has a hook aftersync, which does not exist',
    );
  });

  it.each(HOOK_NAMES)('may be %s, by default or by name, and no word one slip away', (name) => {
    expect(checkHooks({ [name]: () => undefined }).ok).toBe(true);
    expect(checkModule({ [name]: () => undefined }).ok).toBe(true);
    const slip = checkHooks({ [name.slice(0, -1)]: () => undefined });
    expect(slip).toMatchObject({ ok: false, hint: expect.stringContaining(`Did you mean ${name}?`) });
  });
});
