/** The last thing that happens to some books: a stored value changes where it lies, and the proof must find it. */
import type { Chance } from '../chance.ts';
import type { Life } from '../life.ts';

/** As a flipped bit or an editor of databases does it: past the store, past its triggers. */
export async function flipSomething(life: Life, chance: Chance): Promise<void> {
  const { judge } = life;
  const rows = await judge.sql('SELECT account_id, seq, quantity FROM activity ORDER BY account_id, seq');
  if (rows.length === 0) return;
  const row = chance.pick(rows);
  const triggers = await judge.sql(
    "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'activity'",
  );
  for (const { name } of triggers) await judge.sql(`DROP TRIGGER ${String(name)}`);
  await judge.sql(
    `UPDATE activity SET quantity = '7${String(row['quantity']).replace('-', '')}'
     WHERE account_id = ${Number(row['account_id'])} AND seq = ${Number(row['seq'])}`,
  );
  life.count('bit-flip');
  const report = await life.withReader((book) => book.store.verifyChains({}));
  const isFound = !report.ok && report.firstBroken?.seq === Number(row['seq']);
  judge.hold(
    'I11',
    isFound,
    () =>
      `the quantity of row ${String(row['seq'])} was changed, and the chains say ${JSON.stringify(report)}`,
  );
}
