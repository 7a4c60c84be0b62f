/** A process that replaces one file over and over until it is killed: `node writer.ts FILE`. */
import { writeWhole } from '../../src/mirror/files.ts';

const [file = ''] = process.argv.slice(2);
for (let round = 0; ; round += 1) {
  await writeWhole(file, `${String(round % 10).repeat(200_000)}\n`);
  if (round === 5) process.stdout.write('writing\n');
}
