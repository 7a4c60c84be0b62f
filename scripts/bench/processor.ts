/** How fast this machine is at the moment: the same small work each time, so that figures of two days can be compared. */
import { median } from './meter.ts';

const TIMES = 25;
const ROWS = 2_000;

/**
 * Median CPU milliseconds of writing 2,000 rows as JSON, reading them back and adding their figures as BigInt: what a
 * sync does most of its time. Other programs at work slow it down as they slow down a sync.
 */
export function processorMedianMs(): number {
  const rows = Array.from({ length: ROWS }, (_, index) => ({
    symbol: `S${index}`,
    qty: String(index * 7),
    price: `${index % 311}.${String(index % 100).padStart(2, '0')}`,
  }));
  const work = (): bigint => {
    const read = JSON.parse(JSON.stringify(rows)) as typeof rows;
    return read.reduce((sum, { qty, price }) => sum + BigInt(qty) * BigInt(price.replace('.', '')), 0n);
  };
  return median(
    Array.from({ length: TIMES }, () => {
      const start = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1_000;
    }),
  );
}
