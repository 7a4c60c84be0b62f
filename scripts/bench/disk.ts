/** How long this machine takes to make four kilobytes durable. */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { median } from './meter.ts';

const FSYNCS = 100;

/** Median of 100, milliseconds, in the folder where the databases of the bench lie. */
export function fsyncMedianMs(): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'truebook-fsync-'));
  const file = openSync(path.join(folder, 'file'), 'w');
  const block = Buffer.alloc(4096, 1);
  try {
    return median(
      Array.from({ length: FSYNCS }, () => {
        const start = process.hrtime.bigint();
        writeSync(file, block);
        fsyncSync(file);
        return Number(process.hrtime.bigint() - start) / 1e6;
      }),
    );
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}
