/**
 * The one judge of every fault. It knows no fault by name: it compares what users can read after each run with what they
 * could read before, with the broker's own clock and with the oracle, and writes down each broken law as a sentence.
 *
 * - Nothing closes by absence, nothing is lost, doubled or invented: the book is the sum of its ledger, the ledger only
 *   grows, and what was held stays until an activity of the broker takes it away.
 * - Old data keeps its honest age: never younger than the last answer that was believed, `fresh` exactly as the rules
 *   say, `why` told exactly when not fresh.
 * - The next healthy run heals: the book equals the oracle.
 */
import { Decimal } from '../../src/domain/decimal.ts';
import { type PositionRow } from '../../src/store/store.ts';
import { executions, holdings, type Truth } from '../world/world.ts';
import { lookAtBook, type BookLook } from './bookLook.ts';
import { type CycleEnd, type Process, type TrialWorld } from './trialWorld.ts';

/** The default of `FRESH_MAX_AGE`: an interval of 300 s and 60 s more. */
const FRESH_MAX_AGE_SECONDS = 360;

/** When a run was under way, on the broker's clock. */
export interface Span {
  readonly startedMs: number;
  readonly endedMs: number;
}

export class Judge {
  readonly #world: TrialWorld;
  readonly #violations: string[] = [];
  #before: BookLook | null = null;
  /** The last run that was believed. */
  #believed: (Span & { readonly reconciled: boolean }) | null = null;
  /** What the newest run left in the database says of itself; null where nothing was ever committed. */
  #newest: { readonly outcome: string; readonly errorCode: string | null } | null = null;
  /** False while an agent that started has not finished its first run. */
  #verified = true;
  #looks = 0;
  /** Ids of every fill the broker ever listed, also before a reset. */
  readonly #fills = new Set<string>();

  constructor(world: TrialWorld) {
    this.#world = world;
  }

  get violations(): readonly string[] {
    return this.#violations;
  }

  get looks(): number {
    return this.#looks;
  }

  /** A person began a new epoch: the old book is closed, comparisons start afresh. */
  newEpoch(): void {
    this.#before = null;
    this.#believed = null;
    this.#newest = null;
  }

  /** An agent starts: until its first run is believed nothing is fresh. */
  agentStarted(): void {
    this.#verified = false;
  }

  /** Holds what can be read after a run against the first two laws. `jumped`: the wall clock of this machine is off. */
  async afterRun(process: Process, end: CycleEnd, span: Span, jumped = false): Promise<BookLook> {
    this.believe(end, span);
    return this.look(process, jumped);
  }

  /** Takes note of a run without looking. */
  believe(end: CycleEnd, span: Span): void {
    if (end.run !== null) {
      this.#newest = end.run;
      if (end.run.outcome === 'complete') {
        this.#believed = { ...span, reconciled: end.run.reconciled };
        this.#verified = true;
      }
    }
  }

  /** The same without a run: nothing may have changed but the age. */
  async look(process: Process, jumped = false): Promise<BookLook> {
    this.#looks += 1;
    await process.clock.refresh();
    const now = await lookAtBook(process);
    this.#bookIsItsLedger(now);
    this.#nothingInvented(now, this.#world.truth());
    if (this.#before !== null) {
      this.#ledgerOnlyGrows(this.#before, now);
      this.#nothingClosedByAbsence(this.#before, now);
    }
    this.#agesAreHonest(now, jumped);
    this.#before = now;
    return now;
  }

  /** The third law, after a healthy run: `settled` once every publishing delay has run out. */
  healed(look: BookLook, end: CycleEnd, settled: boolean): string[] {
    const truth = this.#world.truth();
    const wrong: string[] = [];
    const differ = (what: string, expected: unknown, found: unknown): void => {
      const [left, right] = [JSON.stringify(expected), JSON.stringify(found)];
      if (left !== right) wrong.push(`${what}: expected ${left}, found ${right}`);
    };
    if (end.run?.outcome !== 'complete') {
      return [`the healthy run ended as ${end.error?.code ?? end.run?.errorCode ?? end.run?.outcome}`];
    }
    const stated = look.positions
      .filter((row) => row.brokerQuantity !== '0')
      .map((row) => ({ symbol: row.symbol, quantity: row.brokerQuantity ?? 'null' }));
    differ('quantities of the broker', holdings(truth.positions), holdings(stated));
    if (!settled) return wrong;
    differ('open rows', holdings(truth.positions), holdings(look.positions));
    const missing = look.positions.filter((row) => row.state === 'missing').map((row) => row.symbol);
    differ('missing rows', [], missing);
    differ('trades', executions(truth.fills), executions(look.trades));
    differ('cash', truth.balances.cash, bookedCash(look));
    differ('cash of the broker', truth.balances.cash, look.balances[0]?.cash ?? null);
    const findings = look.openFindings.map((finding) => `${finding.type} ${finding.key}`);
    differ('open findings', [], findings);
    differ('reconciled', true, end.run.reconciled);
    const stale = look.positions.filter((row) => !row.fresh).map((row) => `${row.symbol}: ${row.why}`);
    differ('rows that are not fresh', [], stale);
    return wrong;
  }

  /** A look that counts only where nothing happened while it was made. */
  async lookUnless(process: Process, disturbed: () => Promise<boolean>): Promise<BookLook> {
    const before = { count: this.#violations.length, look: this.#before };
    const look = await this.look(process);
    if (!(await disturbed())) return look;
    this.#violations.length = before.count;
    this.#before = before.look;
    return look;
  }

  /** Notes violations found elsewhere: a healing that failed, a secret that was seen. */
  note(sentences: readonly string[]): void {
    this.#violations.push(...sentences);
  }

  #broken(sentence: string): void {
    this.#violations.push(`look ${this.#looks}: ${sentence}`);
  }

  // ---- the book ---------------------------------------------------------------------------------------------------

  /** Quantities and cash of the book are the plain sums of its ledger: nothing is counted twice, nothing left out. */
  #bookIsItsLedger(now: BookLook): void {
    const counted = now.ledger.filter((row) => row.status === 'ok');
    const identities = new Set(now.ledger.map((row) => row.rootId));
    if (identities.size !== now.ledger.length) this.#broken('an identity stands twice in the ledger');
    for (const instrument of new Set(counted.flatMap((row) => row.instrument?.id ?? []))) {
      const sum = Decimal.sum(
        counted.filter((row) => row.instrument?.id === instrument).map((row) => row.quantity),
      );
      const booked = Decimal.sum(
        now.rows
          .filter((row) => row.instrument === instrument && row.state !== 'closed')
          .map((row) => row.bookQuantity),
      );
      if (!sum.equals(booked))
        this.#broken(`the book has ${booked.toString()} ${instrument}, its ledger ${sum.toString()}`);
    }
    if (now.cash === null) return;
    const cash = Decimal.sum(
      counted
        .filter((row) => row.currency === 'USD')
        .map((row) => (row.amount ?? Decimal.zero).minus(row.fees ?? Decimal.zero)),
    );
    const held = now.cash.get('USD') ?? Decimal.zero;
    if (!cash.equals(held))
      this.#broken(`the book has ${held.toString()} USD, its ledger ${cash.toString()}`);
  }

  /** Every trade of the book is one the broker knows. */
  #nothingInvented(now: BookLook, truth: Truth): void {
    for (const fill of truth.fills) this.#fills.add(fill.id);
    for (const trade of now.trades) {
      if (!this.#fills.has(trade.id)) this.#broken(`the trade ${trade.id} of ${trade.symbol} was invented`);
    }
    const ids = new Set(now.trades.map((trade) => trade.id));
    if (ids.size !== now.trades.length) this.#broken('a trade is listed twice');
  }

  #ledgerOnlyGrows(before: BookLook, now: BookLook): void {
    const newest = new Map(now.ledger.map((row) => [row.rootId, row]));
    for (const old of before.ledger) {
      const row = newest.get(old.rootId);
      if (row === undefined) this.#broken(`${old.rootId} is lost`);
      else if (row.rev < old.rev) this.#broken(`${old.rootId} went back to an older revision`);
      else if (row.rev === old.rev && row.contentHash !== old.contentHash)
        this.#broken(`${old.rootId} changed without a revision`);
    }
  }

  #nothingClosedByAbsence(before: BookLook, now: BookLook): void {
    const moved = movedInstruments(before, now);
    const brokers = new Set(now.ledger.filter((row) => row.source === 'alpaca').map((row) => row.rootId));
    for (const row of now.rows) {
      if (row.state === 'closed' && !brokers.has(row.closedRootId ?? ''))
        this.#broken(`${row.instrument} was closed by no activity of the broker`);
    }
    for (const old of before.rows.filter((row) => row.state !== 'closed')) {
      const live = now.rows.filter((row) => row.instrument === old.instrument && row.state !== 'closed');
      const left = Decimal.sum(live.map((row) => row.quantity));
      const shrank = left.abs().compare(old.quantity.abs()) < 0;
      if (!shrank || moved.has(old.instrument)) continue;
      // A smaller quantity that the broker stated itself is shown, and shown as not explained.
      if (live.length > 0 && live.every(isSaidToDiffer)) continue;
      // So is its return to what the activities prove: the broker's word had been the larger one.
      if (live.length > 0 && live.every((row) => row.explained && row.quantity.equals(row.bookQuantity)))
        continue;
      this.#broken(
        `${old.instrument} went from ${old.quantity.toString()} to ${left.toString()} without an activity`,
      );
    }
  }

  // ---- ages -------------------------------------------------------------------------------------------------------

  #agesAreHonest(now: BookLook, jumped: boolean): void {
    const nowMs = this.#world.nowMs();
    const live = now.rows.filter((row) => row.state !== 'closed');
    const positionsAgree = live.every((row) => row.brokerQuantity?.equals(row.bookQuantity) === true);
    for (const row of now.positions) this.#ageIsHonest(row.symbol, row, nowMs, jumped, positionsAgree);
    for (const row of now.balances) this.#ageIsHonest('balance', row, nowMs, jumped, cashAgrees(now));
  }

  #ageIsHonest(
    name: string,
    row: { readonly age: number | null; readonly fresh: boolean; readonly why: string | null },
    nowMs: number,
    jumped: boolean,
    agrees: boolean,
  ): void {
    if (this.#believed === null) {
      this.#broken(`${name} is shown although nothing was ever believed`);
      return;
    }
    const least = Math.floor((nowMs - this.#believed.endedMs) / 1000);
    const most = Math.ceil((nowMs - this.#believed.startedMs) / 1000);
    if (row.age === null || row.age < least)
      this.#broken(`${name} says it is ${row.age} s old, and is at least ${least} s`);
    else if (!jumped && row.age > most)
      this.#broken(`${name} says it is ${row.age} s old, and is at most ${most} s`);
    if ((row.why === null) !== row.fresh)
      this.#broken(`${name} is ${row.fresh ? 'fresh' : 'not fresh'} with the reason ${row.why}`);
    const expected = this.#expectedWhy(row.age ?? 0, agrees);
    if (expected === undefined) return;
    if (expected === null ? row.why !== null : row.why?.startsWith(expected) !== true)
      this.#broken(`${name} says "${row.why}", expected "${expected}"`);
  }

  /**
   * The beginning of `why`; null where the data must be fresh; undefined where broker and book agree on these rows and
   * the run says that they differ somewhere else.
   */
  #expectedWhy(age: number, agrees: boolean): string | null | undefined {
    if (this.#newest !== null && this.#newest.outcome !== 'complete')
      return `sync_failed: ${this.#newest.errorCode}`;
    if (!this.#verified) return 'agent_started';
    if (!agrees) return 'unreconciled';
    if (this.#believed?.reconciled === false) return undefined;
    return age > FRESH_MAX_AGE_SECONDS ? 'stale: ' : null;
  }
}

const HALF_A_CENT = Decimal.parse('0.005');

/** Whether the broker's cash is the book's, as near as the wire tells it. */
function cashAgrees(now: BookLook): boolean {
  const stated = now.balances[0]?.cash ?? null;
  const booked = bookedCash(now);
  if (stated === null || booked === null) return false;
  return Decimal.parse(stated).minus(Decimal.parse(booked)).abs().compare(HALF_A_CENT) <= 0;
}

/** An empty ledger makes no book, and no cash. */
function bookedCash(look: BookLook): string | null {
  if (look.cash === null) return look.ledger.length === 0 ? '0' : null;
  return look.cash.get('USD')?.toString() ?? '0';
}

function isSaidToDiffer(row: PositionRow): boolean {
  return (
    row.state === 'open' &&
    !row.explained &&
    row.brokerQuantity !== null &&
    row.brokerQuantity.equals(row.quantity) &&
    !row.quantity.isZero()
  );
}

/** Instruments of which the ledger learned something between two looks. */
function movedInstruments(before: BookLook, now: BookLook): ReadonlySet<string> {
  const known = new Set(before.ledger.map((row) => `${row.rootId}#${row.rev}`));
  const fresh = now.ledger.filter((row) => row.source === 'alpaca' && !known.has(`${row.rootId}#${row.rev}`));
  return new Set(fresh.flatMap((row) => row.instrument?.id ?? []));
}
