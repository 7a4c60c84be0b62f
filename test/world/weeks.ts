/**
 * Random weeks at the broker, with random faults on the wire, against the last contract of design section 11: nothing
 * closes by absence at any moment, every healthy run shows the broker's quantities, and when things are quiet and all
 * publishing delays have run out, the book equals the truth.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { openStore } from '../../src/store/open.ts';
import { type Store } from '../../src/store/store.ts';
import { executions, holdings, openWorld, type World } from './world.ts';

const ACCOUNT = 'alpaca-paper';
const SYMBOLS = [
  'AAPL',
  'KO',
  'TSLA',
  'XMPL',
  'NEWCO',
  'SPY250912C00640000',
  'QQQ251010C00580000',
  'BTC/USD',
] as const;
const PUBLISH = ['now', 'now', 'next-day'] as const;

interface Step {
  readonly says: string;
  run(world: World): Promise<void>;
}

const integer = (min: number, max: number) => fc.integer({ min, max });

/** One call at the broker; what the broker itself refuses (selling options it never sold, ...) does not happen. */
function call(path: string, body: object): Step {
  return {
    says: `${path} ${JSON.stringify(body)}`,
    run: async (world) => {
      await world.control(path, body).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('/control/')) throw error;
      });
    },
  };
}

const trade = fc
  .record({
    symbol: fc.constantFrom(...SYMBOLS),
    side: fc.constantFrom('buy', 'sell'),
    quantity: integer(1, 30),
    price: integer(1, 900),
    publish: fc.constantFrom(...PUBLISH),
    fees: fc.option(fc.constantFrom('0.02', '1.5'), { nil: undefined }),
  })
  .map((terms) =>
    call('trade', {
      account: ACCOUNT,
      ...terms,
      quantity: String(terms.quantity),
      price: String(terms.price),
    }),
  );

const cash = fc
  .record({
    kind: fc.constantFrom('deposit', 'withdrawal', 'dividend', 'interest', 'fee'),
    amount: integer(1, 5000).map((cents) => (cents / 100).toFixed(2)),
    publish: fc.constantFrom(...PUBLISH),
  })
  .map((terms) =>
    call('cash', { account: ACCOUNT, ...terms, ...(terms.kind === 'dividend' ? { symbol: 'AAPL' } : {}) }),
  );

const corporateAction = fc.oneof(
  fc
    .record({ symbol: fc.constantFrom('AAPL', 'KO', 'XMPL'), terms: fc.constantFrom([4, 1], [1, 2], [3, 2]) })
    .map(({ symbol, terms }) =>
      call('corporate-action', {
        kind: 'split',
        symbol,
        newShares: String(terms[0]),
        oldShares: String(terms[1]),
      }),
    ),
  fc
    .constantFrom(['XMPL', 'YMPL'], ['KO', 'COKE'], ['NEWCO', 'OLDCO'])
    .map(([symbol, to]) => call('corporate-action', { kind: 'rename', symbol, to })),
  fc
    .record({
      symbol: fc.constantFrom('AAPL', 'KO', 'XMPL'),
      to: fc.constantFrom('SPUN', 'NEWCO'),
      perOld: fc.constantFrom('1', '3', '4'),
      // Without it the broker has not valued the child: its lots have no cost.
      basisFraction: fc.option(fc.constantFrom('0.125', '0.31'), { nil: undefined }),
      cashInLieu: fc.option(fc.constant('6.3'), { nil: undefined }),
      publish: fc.constantFrom(...PUBLISH),
    })
    .map((terms) => call('corporate-action', { kind: 'spinoff', newShares: '1', ...terms })),
  fc
    .record({
      symbol: fc.constantFrom('KO', 'XMPL', 'NEWCO', 'TSLA'),
      pays: fc.constantFrom(
        { to: 'ACQ', newShares: '1', perOld: '2' },
        { to: 'AAPL', newShares: '2', perOld: '1' },
        { cashPerShare: '12.6341694' },
        { to: 'ACQ', newShares: '1', perOld: '1', cashPerShare: '3' },
      ),
      publish: fc.constantFrom(...PUBLISH),
    })
    .map(({ pays, ...terms }) => call('corporate-action', { kind: 'merger', ...terms, ...pays })),
);

const optionEvent = fc
  .record({
    kind: fc.constantFrom('expire', 'assign', 'exercise'),
    symbol: fc.constantFrom('SPY250912C00640000', 'QQQ251010C00580000', 'QQQ251010C00590000'),
    quantity: integer(1, 2).map(String),
  })
  .map((terms) => call('option', { account: ACCOUNT, ...terms }));

const transfer = fc
  .record({
    direction: fc.constantFrom('in', 'out'),
    symbol: fc.constantFrom('AAPL', 'NEWCO', 'VTI'),
    quantity: integer(1, 5).map(String),
    publish: fc.constantFrom(...PUBLISH),
  })
  .map((terms) => call('transfer', { account: ACCOUNT, ...terms }));

const amend = fc
  .record({
    pick: fc.nat(),
    kind: fc.constantFrom('correct', 'bust'),
    quantity: integer(1, 20),
    price: integer(1, 500),
  })
  .map(({ pick, kind, quantity, price }): Step => ({
    says: `amend fill ${pick}: ${kind} ${kind === 'correct' ? `${quantity} @ ${price}` : ''}`,
    run: async (world) => {
      const fills = world.truth(ACCOUNT).fills.filter((fill) => fill.status === 'ok');
      const fill = fills[pick % Math.max(1, fills.length)];
      if (fill === undefined) return;
      const values = kind === 'correct' ? { quantity: String(quantity), price: String(price) } : {};
      await call('amend', { account: ACCOUNT, fill: fill.id, kind, ...values }).run(world);
    },
  }));

/** Faults that answer at once; those that make a caller wait have tests of their own. */
const QUICK_FAULTS = [
  'refuse',
  'html',
  'truncate',
  'empty',
  'partial',
  'stale',
  'wrong-account',
  'duplicate',
  'late',
  'reorder',
  'session-expired',
  'repeat-cursor',
  'insert-while-paging',
  'short-history',
  'rounded',
  'schema-drift',
] as const;

const fault = fc
  .record({
    resource: fc.constantFrom(
      'account',
      'positions',
      'activities',
      'activities',
      'positions',
      'orders',
      'options',
    ),
    kind: fc.constantFrom(...QUICK_FAULTS),
    times: integer(1, 3),
  })
  .map((terms) => call('fault', { broker: 'alpaca', account: ACCOUNT, ...terms }));

const advance = fc.constantFrom('1m', '5m', '1h', '6h', '1d').map((by): Step => ({
  says: `advance ${by}`,
  run: (world) => world.advance(by),
}));

/**
 * Longer than clocks may differ by. The clock moves on after a look: on one that stands still what happens next would bear
 * the look's very instant, and of two such fills of one size nothing would say which one the statement holds. Real ones
 * have times of their own.
 */
const MOMENT = '3m';

const sync: Step = {
  says: 'sync',
  run: async (world) => {
    await world.sync(ACCOUNT);
    await world.advance(MOMENT);
  },
};

/**
 * Runs of one part change nothing about what the whole comes to in the end. As a day's last look one would leave money and
 * positions of two moments (docs/day-proof.md, known limit), so a run of all follows.
 */
const syncPart = fc.constantFrom('bankroll', 'positions', 'transactions').map((type): Step => ({
  says: `sync ${type}`,
  run: async (world) => {
    await world.syncPart(ACCOUNT, type);
    await world.advance(MOMENT);
    await sync.run(world);
  },
}));

const step = fc.oneof(
  { weight: 6, arbitrary: trade },
  { weight: 2, arbitrary: cash },
  { weight: 2, arbitrary: corporateAction },
  { weight: 1, arbitrary: optionEvent },
  { weight: 1, arbitrary: transfer },
  { weight: 2, arbitrary: amend },
  { weight: 4, arbitrary: fault },
  { weight: 3, arbitrary: advance },
  { weight: 6, arbitrary: fc.constant(sync) },
  { weight: 2, arbitrary: syncPart },
);

async function nothingClosedByAbsence(world: World): Promise<void> {
  const ledger = await world.truebook.store.ledger({ accountId: (await world.truebook.account(ACCOUNT)).id });
  // Only the broker's own activities may close: never an opening or adjustment of ours.
  const known = new Set(ledger.filter((row) => row.source === 'alpaca').map((row) => row.rootId));
  const rows = await world.truebook.store.positions({ states: ['closed'] });
  for (const row of rows) ok(known.has(row.closedRootId ?? ''), `what closed ${row.instrument}?`);
}

/** What a store keeps from run to run must be what another one reads from the database. */
async function keepsWhatIsStored(world: World, other: Store): Promise<void> {
  const { id } = await world.truebook.account(ACCOUNT);
  const [kept, stored] = [await world.truebook.store.syncState(id), await other.syncState(id)];
  // Kept are also the instruments of rows that are gone.
  const instruments = [...stored.instruments.keys()].map((key) => [key, kept.instruments.get(key)]);
  const plain = (state: object): unknown => JSON.parse(JSON.stringify(state));
  deepEqual(plain({ ...kept, instruments }), plain({ ...stored, instruments: [...stored.instruments] }));
}

async function live(
  days: readonly Step[],
  figures: WeekFigures,
  { makeDatabase, inspect }: Pick<WeekTrial, 'makeDatabase' | 'inspect'>,
): Promise<void> {
  const databaseUrl = await makeDatabase();
  // Half of the weeks are those of an agent: one lease for all runs, so that what the store keeps is really used.
  const keepsLease = Math.floor(days.length / 2) % 2 === 0;
  const world = await openWorld({ seed: 7, keepsLease, ...(databaseUrl === null ? {} : { databaseUrl }) });
  const other = await openStore({
    url: world.databaseUrl,
    clock: world.truebook.clock,
    allowUnsafeDurability: true,
  });
  try {
    // The first contact may meet anything: half of the weeks begin with it, half with what happens before it.
    if (days.length % 2 === 0) await sync.run(world);
    for (const { run } of days) {
      figures.steps += 1;
      await run(world);
      await nothingClosedByAbsence(world);
      await keepsWhatIsStored(world, other);
      await inspect?.(world, 'step');
    }
    // A healthy run now shows the broker's quantities, explained or not, and makes what a dry run said before.
    await world.faultsOff();
    await world.advance('10m');
    const foretold = await world.syncPart(ACCOUNT, 'all', true);
    const { run: healthy, difference } = await world.syncPart(ACCOUNT, 'all');
    deepEqual(difference, foretold.difference, 'a dry run says what the run makes');
    equal(healthy.outcome, 'complete', JSON.stringify(healthy));
    const now = world.truth(ACCOUNT);
    const stated = (await world.positions(ACCOUNT))
      .filter((row) => row.brokerQuantity !== '0')
      .map((row) => ({ symbol: row.symbol, quantity: row.brokerQuantity! }));
    deepEqual(holdings(stated), holdings(now.positions));
    // Every publishing delay runs out; two runs, because a correction may have returned to older content.
    await world.advance('2d');
    await world.sync(ACCOUNT);
    await world.advance('10m');
    const last = await world.sync(ACCOUNT);
    const open = await world.truebook.store.findings({ states: ['open', 'reopened'] });
    const left = open.map(
      (finding) => `${finding.key}: book ${finding.expected}, broker ${finding.observed}`,
    );
    equal(left.join('; '), '');
    equal(`${last.outcome} ${last.reconciled}`, 'complete true', JSON.stringify(last));
    const truth = world.truth(ACCOUNT);
    const rows = await world.positions(ACCOUNT);
    deepEqual(
      rows.filter((row) => row.state === 'missing'),
      [],
    );
    deepEqual(holdings(rows), holdings(truth.positions));
    deepEqual(executions(await world.trades(ACCOUNT)), executions(truth.fills));
    const balances = await world.truebook.store.balances({ accountId: rows[0]?.accountId ?? 1 });
    if (rows.length > 0) equal(balances[0]?.cash?.toString(), truth.balances.cash);
    equal((await world.truebook.store.verifyChains({})).ok, true);
    await nothingClosedByAbsence(world);
    await inspect?.(world, 'end');
    figures.weeks += 1;
    figures.fills += truth.fills.length;
    figures.requests += world.requests().length;
  } finally {
    await other.close();
    await world.close();
  }
}

/** Answers the address of an empty database, or null for a SQLite file of the world's own. */
export type MakeDatabase = () => Promise<string | null>;

export interface WeekFigures {
  weeks: number;
  /** Control calls, faults, clock moves and runs, the quiet end not counted. */
  steps: number;
  fills: number;
  requests: number;
}

export interface WeekTrial {
  readonly runs: number;
  readonly seed: number;
  readonly makeDatabase: MakeDatabase;
  /** Looks at the world after every step and at the end of the week. */
  readonly inspect?: (world: World, when: 'step' | 'end') => Promise<void>;
  /** Look for a shorter sequence when one fails: slow. */
  readonly shrink?: boolean;
}

/** Plays `runs` random weeks from a seed; throws with the seed and the steps of the first that does not end at the truth. */
export async function playWeeks(trial: WeekTrial): Promise<WeekFigures> {
  const figures: WeekFigures = { weeks: 0, steps: 0, fills: 0, requests: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 22 }), (days) => live(days, figures, trial)),
    {
      numRuns: trial.runs,
      seed: trial.seed,
      endOnFailure: trial.shrink !== true,
      reporter: (details) => {
        if (!details.failed) return;
        const steps = (details.counterexample?.[0] ?? []).map((entry) => entry.says).join('\n');
        throw new Error(`seed ${details.seed}:\n${steps}\n\n${String(details.errorInstance)}`);
      },
    },
  );
  return figures;
}
