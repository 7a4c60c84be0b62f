/** What is read of an older bot's folder, without a book. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readImportFolder } from '../../src/mirror/importFolder.ts';

it('copies are read in the order they were made: the newest bankroll, the oldest trades first', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'truebook-mirror-'));
  try {
    ['', '-2', '-10', '-11'].forEach((suffix, index) => {
      writeFileSync(
        join(folder, `bankroll_alpaca_paper.json.bak-20250821T160000Z${suffix}`),
        `{"balance": ${index}}`,
      );
      writeFileSync(
        join(folder, `trade_history_alpaca_paper.csv.bak-20250821T160000Z${suffix}`),
        `date,symbol,qty\n2025-01-02,F,${index + 1}\n`,
      );
    });
    const account = { name: 'alpaca-paper', broker: 'alpaca', env: 'paper' } as const;
    const { bankroll, trades } = await readImportFolder(folder, account, true);
    expect(bankroll?.amount.toString()).toBe('3');
    expect(trades.flatMap((file) => file.trades.map(({ quantity }) => quantity.toString()))).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
