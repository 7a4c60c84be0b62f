/**
 * The oracle: after every committed run, and at moments between, what stands in the database and what a reader is shown
 * is held against what the broker really was. It believes neither the product's view nor its return values.
 */
import { Decimal } from '../../../src/domain/decimal.ts';
import { type Truebook } from '../../../src/compose.ts';
import { type Account } from '../../../src/domain/account.ts';
import { askGate, type GateAnswer } from '../../../src/gate/gate.ts';
import { positionRecords, type PositionRecord } from '../../../src/sync/records.ts';
import { wireId } from '../../../src/sandbox/truth.ts';
import { positionsText, type AccountName } from '../brokerage.ts';
import { type World } from '../world.ts';
import { type InvariantId, type Violation } from './invariants.ts';
import { AccountMemory, type LedgerEntry, type RunRow } from './memory.ts';
import { type Row, type Sql } from './sql.ts';
import { type States } from './states.ts';
import { type Received } from './received.ts';

/** A look at one account: what a user is shown. */
export interface Shown {
  readonly account: Account;
  readonly positions: readonly PositionRecord[];
  /** Null where it was not asked. */
  readonly gate: GateAnswer | null;
}

/** Half a second of rounding between the clocks of a program and the world's. */
const ROUNDING_MS = 2_000;

export class Judge {
  readonly violations: Violation[] = [];
  checks = 0;
  #looks = 0;
  #failures = 0;
  readonly #world: World;
  readonly #states: States;
  readonly #received: Received;
  #sql: Sql;
  #accounts = new Map<string, AccountMemory>();
  /** Names that were pinned to an account of the broker at the last look. */
  #pinned: ReadonlySet<string> = new Set();
  /** Wire ids that the broker ever gave to something of the account. */
  readonly #everKnown = new Map<string, { of: object | null; readonly ids: Set<string> }>();
  #told: { readonly runId: number; readonly by: string }[] = [];
  #lastAskedMs = new Map<string, number>();

  constructor(world: World, sql: Sql, states: States, received: Received) {
    this.#world = world;
    this.#sql = sql;
    this.#states = states;
    this.#received = received;
  }

  get sql(): Sql {
    return this.#sql;
  }

  /** The database was put back to an older state: what was remembered of the newer one is void. */
  restored(sql: Sql): void {
    this.#sql = sql;
    this.#accounts = new Map();
    this.#pinned = new Set();
    this.#told = [];
    this.#lastAskedMs = new Map();
  }

  broken(invariant: InvariantId, says: string): void {
    this.violations.push({ invariant, atMs: this.#world.queue.nowMs, says });
    this.#world.queue.note(`BROKEN ${invariant} ${says}`);
  }

  hold(invariant: InvariantId, holds: boolean, says: () => string): void {
    this.checks += 1;
    if (!holds) this.broken(invariant, says());
  }

  async memories(): Promise<readonly AccountMemory[]> {
    const rows = await this.#sql('SELECT id, name, pinned_fingerprint FROM account ORDER BY id');
    for (const row of rows) {
      const name = String(row['name']);
      if (this.#accounts.has(name)) continue;
      this.#accounts.set(name, new AccountMemory(Number(row['id']), name));
      const twin = [...this.#pinned].find((other) => this.#owner(other) === this.#owner(name));
      this.hold(
        'I06',
        twin === undefined,
        () => `${name} was made of the account that is in the book as ${twin}`,
      );
    }
    this.#pinned = new Set(
      rows.flatMap((row) => (row['pinned_fingerprint'] === null ? [] : String(row['name']))),
    );
    return [...this.#accounts.values()];
  }

  /** The first agent run after a start has not been complete yet: from now on nothing may be fresh. */
  async agentStarted(accountIds: readonly number[]): Promise<void> {
    for (const memory of await this.memories()) if (accountIds.includes(memory.id)) memory.unverified = true;
  }

  told(runId: number, by: string): void {
    this.#told.push({ runId, by });
  }

  /**
   * Reads what was committed since the last look and judges it. `committedBy` names the process where one just did;
   * `isAsked`: somebody wants to see accounts that had no run.
   */
  async afterCommit(reader: Truebook | null, committedBy: string | null, isAsked: boolean): Promise<void> {
    await this.#toldIsCommitted();
    for (const memory of await this.memories()) {
      const { lost } = await memory.refresh(this.#sql);
      this.hold('I10', !lost, () => `${memory.name}: the row at place ${memory.lastSeq} is gone or changed`);
      for (const entry of memory.newEntries) this.#entryIsTrue(memory, entry);
      memory.take();
      for (const run of memory.newRuns) await this.#runIsHonest(memory, run);
      const moved = memory.newRuns.length > 0;
      if (!moved) this.#stampsStay(memory);
      if (moved && committedBy !== null) await this.#progressIsEarned(memory, committedBy);
      if (moved) await this.#bookIsItsLedger(memory);
      if (moved) await this.#headsOnlyGrow(memory);
      if (!this.#world.plan.accounts.some((name) => name === memory.name))
        this.#states.reach('an account was named by a wrong answer');
      else if (reader !== null && this.#isWorthALook(memory, isAsked)) await this.look(reader, memory);
    }
  }

  /** Between runs somebody asked to look; of runs those that were believed, and now and then one that was not. */
  #isWorthALook({ newRuns }: AccountMemory, isAsked: boolean): boolean {
    if (newRuns.length === 0) return isAsked;
    if (newRuns.some((run) => run.outcome === 'complete')) return true;
    this.#failures += 1;
    return this.#failures % 3 === 0;
  }

  /** What a reader is shown now, and whether it may be. */
  async look(reader: Truebook, memory: AccountMemory, asksGate = false): Promise<Shown | null> {
    const account = await reader.store.findAccount(memory.name);
    if (account === null) return null;
    const positions = await positionRecords(reader.records, { account });
    this.#looks += 1;
    // The gate reads everything once more, so it is asked at every third look that was due to a run.
    const asks = asksGate || memory.newRuns.length === 0 || this.#looks % 3 === 0;
    const gate = !asks
      ? null
      : await askGate(
          {
            store: reader.store,
            records: reader.records,
            policy: { onSyncFailure: 'deny' },
            sync: null,
            onWarning: () => undefined,
          },
          account,
        );
    const shown = { account, positions, gate };
    await this.#freshIsTrue(reader, memory, shown);
    this.#states.seeShown(shown);
    return shown;
  }

  // ---- one row of the ledger --------------------------------------------------------------------------------------

  #entryIsTrue(memory: AccountMemory, entry: LedgerEntry): void {
    const known = memory.ledger.get(entry.rootId);
    const place = `${memory.name}: ${entry.rootId} rev ${entry.rev}`;
    if (known !== undefined && entry.epoch === memory.epoch)
      this.hold('I14', entry.rev > known.rev, () => `${place} came after rev ${known.rev}`);
    if (entry.source === 'alpaca') {
      const mine = this.#knownIds(memory.name).has(entry.externalId);
      const foreign = !mine && this.#knownElsewhere(memory.name, entry.externalId);
      this.hold('I06', !foreign, () => `${place} belongs to another account`);
      this.hold(
        'I02',
        mine || foreign,
        () => `${place} (${entry.externalId}) is nothing the broker ever had`,
      );
    }
    const isTrade = entry.kind === 'fill';
    const isEmpty = entry.quantity.isZero() || entry.price === null || Number(entry.price) === 0;
    this.hold(
      'I29',
      !(isTrade && entry.status === 'ok' && isEmpty),
      () => `${place} is a trade of nothing or for nothing`,
    );
    if (entry.amount !== null)
      this.hold(
        'I32',
        Decimal.parse(entry.amount).toString() === entry.amount,
        () => `${place}: ${entry.amount} is not canonical`,
      );
    this.#states.seeEntry(entry, known);
  }

  #knownIds(name: string): ReadonlySet<string> {
    const account = this.#owner(name);
    const known = this.#everKnown.get(name) ?? { of: null, ids: new Set<string>() };
    this.#everKnown.set(name, known);
    if (known.of !== account) {
      known.of = account;
      for (const entry of account.entries) known.ids.add(wireId(account, entry));
    }
    return known.ids;
  }

  /** Whose rows may stand under a name: `alpaca-paper-1234` was named by the number of its account. */
  #owner(name: string) {
    const accounts = this.#world.brokerage.ledger.accounts();
    const owner =
      accounts.find((one) => one.name === name) ??
      accounts.find((one) => name.endsWith(`-${one.number.slice(-4)}`));
    if (owner === undefined) throw new Error(`whose is the account ${name}?`);
    return owner;
  }

  #knownElsewhere(name: string, id: string): boolean {
    return this.#world.brokerage.ledger
      .accounts()
      .some((account) => account !== this.#owner(name) && this.#knownIds(account.name).has(id));
  }

  // ---- one run ----------------------------------------------------------------------------------------------------

  async #toldIsCommitted(): Promise<void> {
    for (const { runId, by } of this.#told.splice(0)) {
      const found = await this.#sql('SELECT id FROM sync_run WHERE id = ?', runId);
      this.hold(
        'I12',
        found.length === 1,
        () => `${by} told its user of run ${runId}, which was never committed`,
      );
    }
  }

  async #runIsHonest(memory: AccountMemory, run: RunRow): Promise<void> {
    const failed = run.outcome === 'incomplete' || run.outcome === 'failed';
    this.hold(
      'I30',
      !failed || run.errorCode !== null,
      () => `${memory.name}: run ${run.id} is ${run.outcome} without a reason`,
    );
    const audit = await this.#sql('SELECT count(*) AS n FROM sync_read WHERE run_id = ?', run.id);
    this.hold(
      'I30',
      Number(audit[0]?.['n'] ?? 0) > 0 || run.outcome === 'progress',
      () => `${memory.name}: run ${run.id} has no record of what it read`,
    );
    this.#states.seeRun(run);
  }

  async #progressIsEarned(memory: AccountMemory, process: string): Promise<void> {
    const { before, progress, newRuns } = memory;
    const failedOnly = newRuns.every((run) => run.outcome === 'incomplete' || run.outcome === 'failed');
    const place = progress.cursors.get('activities');
    const moved = place !== before.cursors.get('activities');
    this.hold(
      'I16',
      !(failedOnly && moved && place !== undefined),
      () => `${memory.name}: the cursor moved to ${place} with a run that failed`,
    );
    for (const [dataClass, row] of progress.freshness) {
      const old = before.freshness.get(dataClass);
      this.hold(
        'I16',
        !(failedOnly && old !== undefined && row['as_of'] !== old['as_of']),
        () => `${memory.name}: ${dataClass} was stamped anew by a run that failed`,
      );
    }
    const whole = newRuns.find((run) => run.outcome === 'complete' && run.type === 'all');
    const walk = this.#received.take(process, memory.name);
    if (whole === undefined || walk === null) return;
    if (walk.accountId !== null) {
      const isOwn = this.#world.brokerage.idsOf(this.#owner(memory.name).name).has(walk.accountId);
      this.hold('I06', isOwn, () => `${memory.name}: run ${whole.id} believed an answer of another account`);
    }
    if (!walk.wasClockSet()) this.#stampsAreHonest(memory, walk.positions, walk.activities);
    if (moved) await this.#receivedIsStored(memory, walk.activities?.ids ?? []);
    const askedMs = walk.positions?.askedMs ?? null;
    if (askedMs === null) return;
    const last = this.#lastAskedMs.get(memory.name) ?? 0;
    this.hold(
      'I09',
      askedMs >= last,
      () => `${memory.name}: a list of positions of ${askedMs} ms replaced one of ${last} ms`,
    );
    this.#lastAskedMs.set(memory.name, Math.max(last, askedMs));
  }

  /** Without a run no stamp becomes younger. */
  #stampsStay({ name, before, progress }: AccountMemory): void {
    for (const [dataClass, row] of progress.freshness) {
      const old = before.freshness.get(dataClass);
      this.hold(
        'I16',
        old === undefined || row['as_of'] === old['as_of'],
        () => `${name}: ${dataClass} were stamped anew without a run`,
      );
    }
  }

  #stampsAreHonest(
    memory: AccountMemory,
    positions: { readonly sentWallMs: number } | null,
    activities: { readonly sentWallMs: number } | null,
  ): void {
    for (const [dataClass, answered] of [
      ['positions', positions],
      ['activities', activities],
    ] as const) {
      const row = memory.progress.freshness.get(dataClass);
      if (row === undefined || answered === null) continue;
      const asOfMs = Date.parse(String(row['as_of']));
      this.hold(
        'I18',
        asOfMs <= answered.sentWallMs,
        () =>
          `${memory.name}: ${dataClass} are stamped ${String(row['as_of'])}, ${asOfMs - answered.sentWallMs} ms after they were asked for`,
      );
    }
  }

  async #receivedIsStored(memory: AccountMemory, ids: readonly string[]): Promise<void> {
    const stored = new Set([...memory.ledger.values()].map((entry) => entry.externalId));
    const absent = ids.filter((id) => !stored.has(id));
    this.checks += 1;
    for (const id of absent) {
      const kept = await this.#sql(
        `SELECT count(*) AS n FROM quarantine WHERE account_id = ${memory.id} AND row_text LIKE '%${id}%'`,
      );
      if (Number(kept[0]?.['n'] ?? 0) === 0)
        this.broken('I15', `${memory.name}: ${id} was received, the cursor moved, and it is stored nowhere`);
    }
  }

  // ---- the book ---------------------------------------------------------------------------------------------------

  async #bookIsItsLedger(memory: AccountMemory): Promise<void> {
    const rows = await this.#sql(
      `SELECT instrument, opened_root_id, state, quantity, broker_quantity, book_quantity, explained, closed_root_id
       FROM position WHERE account_id = ${memory.id} AND epoch = ${memory.epoch}`,
    );
    this.#closedByAnActivity(memory, rows);
    if (memory.unfolded) return;
    const sums = new Map<string, Decimal>();
    for (const entry of memory.ledger.values()) {
      if (entry.status !== 'ok' || entry.instrument === null) continue;
      sums.set(entry.instrument, (sums.get(entry.instrument) ?? Decimal.zero).plus(entry.quantity));
    }
    const live = rows.filter((row) => row['state'] !== 'closed');
    const booked = sumBy(live, 'book_quantity');
    for (const instrument of new Set([...sums.keys(), ...booked.keys()])) {
      const sum = sums.get(instrument) ?? Decimal.zero;
      const book = booked.get(instrument) ?? Decimal.zero;
      this.hold(
        'I07',
        sum.equals(book),
        () => `${memory.name}: the book has ${book.toString()} ${instrument}, its ledger ${sum.toString()}`,
      );
    }
    // A sale whose purchase is published later closes nothing yet: only a reconciled book has all it needs.
    if (memory.lastWhole?.reconciled === true && memory.newRuns.at(-1) === memory.lastWhole)
      await this.#lotsAddUp(memory, booked);
    for (const row of live) {
      this.hold(
        'I29',
        !Decimal.parse(String(row['quantity'])).isZero(),
        () => `${memory.name}: an open position of ${String(row['instrument'])} with quantity 0`,
      );
      if (memory.lastWhole?.reconciled !== true || memory.newRuns.at(-1) !== memory.lastWhole) continue;
      const agrees =
        row['broker_quantity'] !== null &&
        Decimal.parse(String(row['broker_quantity'])).equals(Decimal.parse(String(row['book_quantity'])));
      this.hold(
        'I07',
        agrees,
        () =>
          `${memory.name}: run ${memory.lastWhole!.id} is reconciled, and ${String(row['instrument'])} is ${String(row['book_quantity'])} in the book and ${String(row['broker_quantity'])} at the broker`,
      );
    }
    this.#states.seeRows(rows);
  }

  /** Some owners have what stays missing closed, by an adjustment that names its evidence. */
  #mayCloseMissing(kind: string): boolean {
    return this.#world.plan.marksMissingAsClosed && kind === 'adjustment';
  }

  #closedByAnActivity(memory: AccountMemory, rows: readonly Row[]): void {
    for (const row of rows) {
      if (row['state'] !== 'closed') continue;
      const closing = memory.ledger.get(String(row['closed_root_id']));
      const what = `${memory.name}: ${String(row['instrument'])} was closed`;
      this.hold(
        'I03',
        closing !== undefined && closing.status === 'ok',
        () => `${what} by no activity (${String(row['closed_root_id'])})`,
      );
      if (closing === undefined) continue;
      this.hold(
        'I03',
        closing.source === 'alpaca' || closing.source === 'user' || this.#mayCloseMissing(closing.kind),
        () => `${what} by ${closing.rootId} of ${closing.source}`,
      );
      this.hold(
        'I03',
        closing.instrument === row['instrument'],
        () => `${what} by an activity of ${closing.instrument}`,
      );
    }
  }

  async #lotsAddUp(memory: AccountMemory, booked: ReadonlyMap<string, Decimal>): Promise<void> {
    const rows = await this.#sql(
      `SELECT instrument, direction, open_quantity FROM lot
       WHERE account_id = ${memory.id} AND epoch = ${memory.epoch} AND open_quantity <> '0'`,
    );
    const lots = new Map<string, Decimal>();
    for (const row of rows) {
      const open = Decimal.parse(String(row['open_quantity'])).abs();
      const signed = row['direction'] === 'short' ? Decimal.zero.minus(open) : open;
      const instrument = String(row['instrument']);
      lots.set(instrument, (lots.get(instrument) ?? Decimal.zero).plus(signed));
    }
    // A sale of more than is known closes units of a lot that nobody knows.
    const unknown = await this.#sql(
      `SELECT instrument, quantity FROM lot_closure
       WHERE account_id = ${memory.id} AND epoch = ${memory.epoch} AND lot_id LIKE 'unknown:%'`,
    );
    for (const row of unknown) {
      const instrument = String(row['instrument']);
      const sold = Decimal.parse(String(row['quantity'])).abs();
      lots.set(instrument, (lots.get(instrument) ?? Decimal.zero).minus(sold));
    }
    for (const instrument of new Set([...lots.keys(), ...booked.keys()])) {
      const [open, book] = [lots.get(instrument) ?? Decimal.zero, booked.get(instrument) ?? Decimal.zero];
      this.hold(
        'I21',
        open.equals(book),
        () =>
          `${memory.name}: open lots of ${instrument} add up to ${open.toString()}, the position is ${book.toString()}`,
      );
    }
  }

  /** Every head that was ever seen is still at its place: what an exported checkpoint would prove. */
  async #headsOnlyGrow(memory: AccountMemory): Promise<void> {
    const [head] = await this.#sql(`SELECT seq, hash FROM chain_head WHERE account_id = ${memory.id}`);
    if (head === undefined) return;
    const last = memory.heads.at(-1);
    const [seq, hash] = [Number(head['seq']), String(head['hash'])];
    this.hold(
      'I11',
      last === undefined || seq > last.seq || (seq === last.seq && hash === last.hash),
      () => `${memory.name}: the head of the chain went from ${last!.seq} to ${seq} with another hash`,
    );
    if (last?.seq !== seq) memory.heads.push({ seq, hash });
  }

  // ---- what is shown ----------------------------------------------------------------------------------------------

  async #freshIsTrue(
    reader: Truebook,
    memory: AccountMemory,
    { account, positions, gate }: Shown,
  ): Promise<void> {
    const world = this.#world;
    const fresh = positions.filter((row) => row.fresh);
    this.hold(
      'I19',
      !memory.unverified || (fresh.length === 0 && gate?.ok !== true),
      () =>
        `${memory.name}: ${fresh.length} rows are fresh and the gate is ${gate?.ok === true ? 'open' : 'closed'} before the first run of the agent`,
    );
    for (const row of positions)
      this.hold(
        'I04',
        (row.why === null) === row.fresh,
        () =>
          `${memory.name}: ${row.symbol} is ${row.fresh ? 'fresh' : 'not fresh'} with the reason ${row.why}`,
      );
    const { newest } = memory;
    const failed = newest !== null && (newest.outcome === 'incomplete' || newest.outcome === 'failed');
    this.hold(
      'I30',
      !(failed && fresh.length > 0),
      () => `${memory.name}: ${fresh.length} rows are fresh although run ${newest!.id} failed`,
    );
    const isOpen = gate?.ok === true;
    if (!isOpen && fresh.length === 0) return;
    const maxAgeMs = reader.records.maxAgeSeconds(account) * 1000;
    const nowMs = world.beginMs + world.queue.nowMs;
    const shown = positionsText(positions.filter((row) => row.state === 'open'));
    const truths = world.brokerage.positionsSince(memory.name as AccountName, nowMs - maxAgeMs - ROUNDING_MS);
    const invariant: InvariantId =
      isOpen && fresh.length === 0 ? 'I22' : world.machines[0].wallOffsetMs === 0 ? 'I04' : 'I34';
    const isTrue = positions.every((row) => row.state === 'open') && truths.has(shown);
    if (this.consistentLieUntilMs < nowMs - maxAgeMs)
      this.hold(
        invariant,
        isTrue,
        () => `${memory.name} shows as fresh: ${shown}; the broker had ${[...truths].join(' | ')}`,
      );
    if (isOpen)
      this.hold(
        'I22',
        positions.every((row) => row.fresh),
        () => `${memory.name}: the gate is open over rows that are not fresh`,
      );
    if (fresh.length > 0) await this.#stampsAreOfOneRun(memory);
    // Positions may be fresh where the cash is said to differ.
    const isCashTold = isOpen || Number(memory.progress.freshness.get('balances')?.['reconciled']) === 1;
    if (isCashTold) await this.#cashIsTrue(memory, nowMs - maxAgeMs - ROUNDING_MS);
  }

  /** Until then the broker told the same lie in every answer: nothing that was told can show it. */
  consistentLieUntilMs = 0;

  /** The cash of a fresh account is what the broker had at some instant of the window. */
  async #cashIsTrue(memory: AccountMemory, fromMs: number): Promise<void> {
    const [row] = await this.#sql(
      'SELECT cash FROM balance_observation WHERE account_id = ? ORDER BY run_id DESC LIMIT 1',
      memory.id,
    );
    const cash = row?.['cash'];
    if (typeof cash !== 'string' || this.consistentLieUntilMs >= fromMs) return;
    const truths = this.#world.brokerage.cashSince(memory.name as AccountName, fromMs);
    // Unchanged figures are not written again: what was true before the window and still is counts as well.
    this.hold(
      'I04',
      truths.has(cash),
      () => `${memory.name} has the cash ${cash} in a fresh book; the broker had ${[...truths].join(' | ')}`,
    );
  }

  async #stampsAreOfOneRun(memory: AccountMemory): Promise<void> {
    const rows = await this.#sql(
      `SELECT f.data_class, f.run_id, r.outcome FROM freshness f LEFT JOIN sync_run r ON r.id = f.run_id
       WHERE f.account_id = ${memory.id} AND f.data_class <> 'balances'`,
    );
    const runs = new Set(rows.map((row) => row['run_id']));
    this.hold(
      'I17',
      rows.length === 2 && runs.size === 1 && rows.every((row) => row['outcome'] === 'complete'),
      () => `${memory.name} is fresh by ${JSON.stringify(rows)}`,
    );
    const [newest] = await this.#sql(
      `SELECT max(id) AS id FROM sync_run WHERE account_id = ${memory.id} AND outcome = 'complete' AND type = 'all'`,
    );
    this.hold(
      'I17',
      runs.has(newest?.['id'] ?? null),
      () =>
        `${memory.name}: rows are of run ${String(newest?.['id'])}, their stamp of ${JSON.stringify(rows)}`,
    );
  }
}

function sumBy(rows: readonly Row[], column: string): Map<string, Decimal> {
  const sums = new Map<string, Decimal>();
  for (const row of rows) {
    const instrument = String(row['instrument']);
    sums.set(instrument, (sums.get(instrument) ?? Decimal.zero).plus(Decimal.parse(String(row[column]))));
  }
  return sums;
}
