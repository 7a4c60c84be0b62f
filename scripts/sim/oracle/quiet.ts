/** What must hold once the faults are over and all publishing delays have run out: the book is the broker's truth. */
import { inflateSync } from 'node:zlib';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { Decimal } from '../../../src/domain/decimal.ts';
import { tradeRecords } from '../../../src/sync/records.ts';
import { verifyViews } from '../../../src/sync/rebuild.ts';
import { positionsText, type AccountName } from '../brokerage.ts';
import { type Life } from '../life.ts';
import { type InvariantId } from './invariants.ts';
import { type AccountMemory } from './memory.ts';

const WAL_BYTES_MAX = 32 * 1024 * 1024;

/** What still differs, empty when the account has come to rest. */
export async function unrest(
  life: Life,
  name: AccountName,
): Promise<readonly (readonly [InvariantId, string])[]> {
  const shown = await life.shown(name);
  if (shown === null) return [['I08', `${name} is not in the book`]];
  const found: (readonly [InvariantId, string])[] = [];
  const differ = (invariant: InvariantId, what: string, expected: unknown, actual: unknown): void => {
    const [left, right] = [JSON.stringify(expected), JSON.stringify(actual)];
    if (left !== right) found.push([invariant, `${name}: ${what}: expected ${left}, found ${right}`]);
  };
  const truth = life.world.brokerage.truth(name);
  const { positions, gate, account } = shown;
  const memory = (await life.judge.memories()).find((one) => one.name === name)!;
  differ(
    'I07',
    'positions',
    positionsText(truth.positions),
    positionsText(positions.filter((row) => row.state === 'open')),
  );
  differ(
    'I08',
    'missing',
    [],
    positions.filter((row) => row.state === 'missing').map((row) => row.symbol),
  );
  differ(
    'I08',
    'not fresh',
    [],
    positions.filter((row) => !row.fresh).map((row) => `${row.symbol} ${row.why}`),
  );
  differ('I08', 'the gate', [], gate?.reasons);
  const trades = await life.withReader((book) => tradeRecords(book.records, { account }));
  const fills = new Map(truth.fills.map((fill) => [fill.id, fill]));
  differ('I01', 'trades', [...fills.keys()].sort(), trades.map((row) => row.id).sort());
  for (const row of trades) {
    const fill = fills.get(row.id);
    if (fill === undefined) continue;
    differ(
      'I05',
      row.id,
      [fill.status, fill.side, fill.quantity, fill.price],
      [row.status, row.side, row.quantity, row.price],
    );
  }
  differ('I07', 'cash', truth.balances.cash, cashOf(memory));
  const open = await life.judge.sql(
    `SELECT finding_key FROM finding WHERE account_id = ${memory.id} AND state IN ('open', 'reopened')`,
  );
  differ(
    'I08',
    'open findings',
    [],
    open.map((row) => row['finding_key']),
  );
  const waiting = await life.judge.sql(
    `SELECT id FROM sync_request WHERE account_id = ${memory.id} AND run_id IS NULL AND answer IS NULL`,
  );
  differ(
    'I08',
    'requests without an answer',
    [],
    waiting.map((row) => row['id']),
  );
  return found;
}

function cashOf(memory: AccountMemory): string {
  const amounts = [...memory.ledger.values()]
    .filter((entry) => entry.status === 'ok' && entry.currency === 'USD')
    .flatMap(({ amount, fees }) => [amount, fees === null ? null : `-${fees}`])
    .flatMap((text) => (text === null ? [] : Decimal.parse(text.replace(/^--/, ''))));
  return Decimal.sum(amounts).toString();
}

/** The slow proofs, once the account has come to rest. */
export async function restingProofs(life: Life, name: AccountName): Promise<void> {
  const { judge } = life;
  const memory = (await judge.memories()).find((one) => one.name === name)!;
  await life.withReader(async (book) => {
    const account = (await book.store.findAccount(name))!;
    const chains = await book.store.verifyChains({ accountId: account.id });
    judge.hold('I11', chains.ok, () => `${name}: ${JSON.stringify(chains.firstBroken)}`);
    const rebuilt = await verifyViews(book.store, account, book.records.latePublishing(account));
    judge.hold(
      'I20',
      rebuilt.tables.every((table) => table.differing === 0),
      () =>
        `${name}: ${JSON.stringify(rebuilt.tables.filter((table) => table.differing > 0).map(({ table, examples }) => [table, examples[0]]))}`,
    );
  });
  for (const { seq, hash } of memory.heads) {
    if (seq === 0) continue;
    const [row] = await judge.sql(
      ['activity', 'book_event', 'bankroll_entry', 'election']
        .map((table) => `SELECT hash FROM ${table} WHERE account_id = ${memory.id} AND seq = ${seq}`)
        .join(' UNION ALL '),
    );
    judge.hold(
      'I11',
      row?.['hash'] === hash,
      () => `${name}: the head ${seq} that was written down is not in the chain`,
    );
  }
  const amounts = [...memory.ledger.values()].flatMap((entry) =>
    entry.amount === null ? [] : Decimal.parse(entry.amount),
  );
  judge.hold(
    'I32',
    Decimal.sum(amounts).equals(Decimal.sum(amounts.toReversed())),
    () => `${name}: the sum of its amounts depends on their order`,
  );
}

/** No key, no secret, no account number: in no line of any log, in no byte of the database, in no error. */
export async function seesNoSecret(life: Life): Promise<void> {
  const { world, judge } = life;
  const secrets = world.brokerage.secrets();
  const lines = world.lines.join('\n');
  for (const secret of secrets)
    judge.hold(
      'I27',
      !lines.includes(secret),
      () => `a line of a log holds a secret: ${world.lines.find((line) => line.includes(secret))}`,
    );
  if (world.plan.databaseUrl !== null) return;
  for (const row of await judge.sql('SELECT sha256, body FROM payload_body')) {
    const bytes = Buffer.from(row['body'] as unknown as Uint8Array);
    const text = unpacked(bytes);
    for (const secret of secrets)
      judge.hold(
        'I36',
        !text.includes(secret),
        () => `the kept answer ${String(row['sha256'])} holds a secret`,
      );
  }
  for (const ending of ['', '-wal']) {
    const file = world.databaseFile + ending;
    if (!existsSync(file)) continue;
    const bytes = readFileSync(file);
    for (const secret of secrets)
      judge.hold(
        'I36',
        !bytes.includes(secret),
        () => `${ending === '' ? 'the database' : 'its log'} holds a secret`,
      );
    judge.hold(
      'I31',
      ending === '' || statSync(file).size < WAL_BYTES_MAX,
      () => `the write-ahead log has ${statSync(file).size} bytes`,
    );
  }
}

/** Answers are kept packed, small ones as they are. */
function unpacked(bytes: Buffer): Buffer {
  try {
    return inflateSync(bytes);
  } catch {
    return bytes;
  }
}
