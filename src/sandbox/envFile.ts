/** The settings file of a running sandbox: enough for an agent to work against it with nothing else set. */
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { environmentValue } from './platform.ts';
import { type AlpacaReady } from './faces/alpaca/face.ts';

export interface EnvFileFacts {
  readonly alpaca: { readonly paper: AlpacaReady; readonly live: AlpacaReady };
  readonly clockUrl: string | null;
}

/** Writes the file in one step, readable by its owner only. Makes a new data folder beside it unless one is set. */
export function writeEnvFile(file: string, facts: EnvFileFacts): void {
  const path = resolve(file);
  const { paper, live } = facts.alpaca;
  const settings: Record<string, string> = {
    ...(environmentValue('TRUEBOOK_HOME') === null ? { TRUEBOOK_HOME: newFolder(path) } : {}),
    ALPACA_API_KEY__PAPER: paper.keyId,
    ALPACA_SECRET_KEY__PAPER: paper.secretKey,
    ALPACA_ENV__PAPER: 'paper',
    ALPACA_API_KEY__LIVE: live.keyId,
    ALPACA_SECRET_KEY__LIVE: live.secretKey,
    ALPACA_ENV__LIVE: 'live',
    ALPACA_PAPER_URL: paper.tradingUrl,
    ALPACA_LIVE_URL: live.tradingUrl,
    ALPACA_DATA_URL: paper.dataUrl,
    AUTOMATION_ORDER_IDS: 'auto-*',
    ...(facts.clockUrl === null ? {} : { TRUEBOOK_CLOCK_URL: facts.clockUrl }),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${quoted(value)}\n`);
  const unfinished = `${path}.unfinished`;
  writeFileSync(unfinished, lines.join(''), { mode: 0o600 });
  chmodSync(unfinished, 0o600);
  renameSync(unfinished, path);
}

function newFolder(file: string): string {
  const base = join(dirname(file), `${basename(file).replace(/^\./, '')}-home`);
  for (let attempt = 1; ; attempt += 1) {
    const folder = attempt === 1 ? base : `${base}-${attempt}`;
    if (existsSync(folder)) continue;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
}

/** Paths may hold spaces, backslashes or a `#`: single quotes keep them as they are. */
function quoted(value: string): string {
  return /^[\w:/.*@+-]+$/.test(value) ? value : value.includes("'") ? `"${value}"` : `'${value}'`;
}
