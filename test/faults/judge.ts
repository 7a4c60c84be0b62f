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
import { type LedgerRow, type PositionRow } from '../../src/store/store.ts';
import { executions, holdings, type Truth } from '../world/world.ts';
import { lookAtBook, type BookLook } from './bookLook.ts';
import { type TrialClock } from './trialClock.ts';
import { type CycleEnd, type Process, type TrialWorld } from './trialWorld.ts';

/** The default of `FRESH_MAX_AGE`: an interval of 300 s and 60 s more. */
const FRESH_MAX_AGE_SECONDS = 360;

/** When a run was under way, on the broker's clock, and what clock of its own its machine had. */
export interface Span {
  readonly startedMs: number;
  readonly endedMs: number;
  /** How far its wall was off. Default: right. */
  readonly wallOffsetMs?: number;
  /** Of its monotonic clock. Default: that of whoever looks. */
  readonly monoEpoch?: string;
}

/** The last runs that were believed, by what they bring up to date. */
interface Believed {
  /** Of everything. */
  readonly all: Span & { readonly reconciled: boolean };
  readonly positions: Span;
  readonly activities: Span;
  readonly balances: Span;
}

/** How far the clock can have set the ages of one look. */
interface Bounds {
  readonly least: number;
  readonly most: number;
  /** Whether only a wall is left that stands before the data. */
  readonly before: 'no' | 'maybe' | 'yes';
}

/** What the judge knows of before a look: put back where the look does not count. */
interface Memory {
  readonly violations: number;
  readonly before: BookLook | null;
  readonly folded: BookLook['ledger'];
  readonly chronicleSeq: number;
}

/** Places of the chain read at once; no trial writes as many. */
const CHRONICLE_SPAN = 1_000_000;

/** A wall that is put back by less is not told from one that is kept right. */
const CLOCK_TOLERANCE_MS = 5_000;

export class Judge {
  readonly #world: TrialWorld;
  readonly #violations: string[] = [];
  #before: BookLook | null = null;
  #believed: Believed | null = null;
  /** What the newest run left in the database says of itself; null where nothing was ever committed. */
  #newest: { readonly outcome: string; readonly errorCode: string | null; readonly type: string } | null =
    null;
  /** True from a believed run of transactions alone until one folds what it booked. */
  #unfolded = false;
  /** The ledger as of the last look at which everything in it was folded. */
  #folded: BookLook['ledger'] = [];
  /** Place in the chain up to which the bankroll's entries were judged. */
  #chronicleSeq = 0;
  /** Every equity the broker ever stated. */
  readonly #equities = new Set<string>();
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
    this.#unfolded = false;
    this.#folded = [];
  }

  /** An agent starts: until its first run is believed nothing is fresh. */
  agentStarted(): void {
    this.#verified = false;
  }

  /** Holds what can be read after a run against the first two laws. */
  async afterRun(process: Process, end: CycleEnd, span: Span): Promise<BookLook> {
    this.believe(end, span);
    return this.look(process);
  }

  /** Takes note of what the broker states now: runs may book it later. */
  noteEquity(): void {
    this.#equities.add(this.#world.truth().balances.equity);
  }

  /** Takes note of a run without looking. */
  believe({ run }: CycleEnd, span: Span): void {
    if (run === null) return;
    this.#newest = run;
    if (run.outcome !== 'complete') return;
    if (run.type === 'all') {
      const all = { ...span, reconciled: run.reconciled };
      this.#believed = { all, positions: span, activities: span, balances: span };
      this.#verified = true;
    } else if (this.#believed !== null) {
      const part = { positions: 'positions', transactions: 'activities', bankroll: 'balances' } as const;
      this.#believed = { ...this.#believed, [part[run.type]]: span };
    }
    if (run.type === 'transactions') this.#unfolded = true;
    else if (run.type !== 'bankroll') this.#unfolded = false;
  }

  /** The same without a run: nothing may have changed but the age. */
  async look(process: Process): Promise<BookLook> {
    this.#looks += 1;
    await process.clock.refresh();
    this.noteEquity();
    const now = await lookAtBook(process);
    this.#bookIsItsLedger(now);
    this.#nothingInvented(now, this.#world.truth());
    if (this.#before !== null) {
      this.#ledgerOnlyGrows(this.#before, now);
      this.#nothingClosedByAbsence(this.#before, now);
      this.#mirrorLosesNothing(this.#before, now);
    }
    this.#agesAreHonest(now, process);
    this.#gateIsHonest(now);
    await this.#bankrollIsStated(now, process);
    this.#before = now;
    if (!this.#unfolded) this.#folded = now.ledger;
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
    differ('reasons of the gate', [], look.gate.reasons);
    const live = look.positions.map((row) => row.symbol).sort();
    differ('rows of the mirror', live, [...(look.mirrored ?? [])].sort());
    return wrong;
  }

  /** A look that counts only where nothing happened while it was made. */
  async lookUnless(process: Process, disturbed: () => Promise<boolean>): Promise<BookLook> {
    const memory: Memory = {
      violations: this.#violations.length,
      before: this.#before,
      folded: this.#folded,
      chronicleSeq: this.#chronicleSeq,
    };
    const look = await this.look(process);
    if (!(await disturbed())) return look;
    this.#violations.length = memory.violations;
    this.#before = memory.before;
    this.#folded = memory.folded;
    this.#chronicleSeq = memory.chronicleSeq;
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
    if (this.#unfolded) return;
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
    const cash = ledgerCash(now);
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
    const activities = new Map(now.ledger.map((row) => [row.rootId, row]));
    for (const row of now.rows.filter((one) => one.state === 'closed')) {
      const closing = activities.get(row.closedRootId ?? '');
      const opening = activities.get(row.openedRootId);
      if (closing?.source !== 'alpaca' || closing.status !== 'ok')
        this.#broken(`${row.instrument} was closed by no activity of the broker`);
      else if (closing.instrument?.id !== row.instrument)
        this.#broken(`${row.instrument} was closed by an activity of ${closing.instrument?.id ?? 'cash'}`);
      else if (opening === undefined || closing.quantity.sign() * opening.quantity.sign() >= 0)
        this.#broken(`${row.instrument} was closed by an activity that does not reduce it`);
    }
    for (const old of before.rows.filter((row) => row.state !== 'closed')) {
      const live = now.rows.filter((row) => row.instrument === old.instrument && row.state !== 'closed');
      const left = Decimal.sum(live.map((row) => row.quantity));
      const direction = old.quantity.sign();
      const lost = direction < 0 ? left.minus(old.quantity) : old.quantity.minus(left);
      if (lost.sign() <= 0 || lost.compare(this.#reducedBy(now, old.instrument, direction)) <= 0) continue;
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

  /** How much the activities learned since the last fold take away from a position of that direction. */
  #reducedBy(now: BookLook, instrument: string, direction: number): Decimal {
    const known = new Map(this.#folded.map((row) => [row.rootId, row]));
    const counted = (row: LedgerRow | undefined): Decimal =>
      row?.status === 'ok' && row.instrument?.id === instrument ? row.quantity : Decimal.zero;
    const changes = now.ledger
      .filter((row) => row.source === 'alpaca')
      .map((row) => counted(row).minus(counted(known.get(row.rootId))));
    return Decimal.sum(changes.filter((change) => change.sign() === -direction)).abs();
  }

  /** A bot that reads files must not take a position for gone that the book still has. */
  #mirrorLosesNothing(before: BookLook, now: BookLook): void {
    const live = new Set(now.positions.map((row) => row.symbol));
    const mirrored = new Set(now.mirrored ?? []);
    for (const symbol of before.mirrored ?? []) {
      if (live.has(symbol) && !mirrored.has(symbol)) this.#broken(`the mirror lost ${symbol}`);
    }
  }

  /** Open without a sync of its own: then every row is fresh. */
  #gateIsHonest({ gate, positions, balances }: BookLook): void {
    if (!gate.ok) return;
    const stale = [...positions, ...balances].filter((row) => !row.fresh);
    for (const { why } of stale) this.#broken(`the gate is open, and a row says "${why}"`);
  }

  /** The bankroll is what the broker stated in a run that was believed. */
  async #bankrollIsStated(now: BookLook, { truebook: { store } }: Process): Promise<void> {
    const entries = await store.chronicle(now.accountId, this.#chronicleSeq, CHRONICLE_SPAN);
    for (const entry of entries) {
      this.#chronicleSeq = entry.seq;
      if (entry.kind !== 'bankroll') continue;
      const after = entry.entry.after.toString();
      if (!this.#equities.has(after)) this.#broken(`the bankroll became ${after}, which nobody stated`);
      const run = entry.runId === null ? null : await store.run(entry.runId);
      if (run?.outcome !== 'complete')
        this.#broken(`the bankroll became ${after} in a run that was not believed`);
    }
  }

  // ---- ages -------------------------------------------------------------------------------------------------------

  #agesAreHonest(now: BookLook, { clock }: Process): void {
    const live = now.rows.filter((row) => row.state !== 'closed');
    const positionsAgree = live.every((row) => row.brokerQuantity?.equals(row.bookQuantity) === true);
    const believed = this.#believed;
    if (believed === null) {
      for (const row of [...now.positions, ...now.balances])
        this.#broken(
          `${'symbol' in row ? row.symbol : 'balance'} is shown although nothing was ever believed`,
        );
      return;
    }
    const { all, positions, activities, balances } = believed;
    const older = positions.endedMs < activities.endedMs ? positions : activities;
    const ofPositions = { ...this.#bounds(older, clock), most: this.#bounds(all, clock).most };
    for (const row of now.positions) this.#ageIsHonest(row.symbol, row, ofPositions, positionsAgree);
    for (const row of now.balances)
      this.#ageIsHonest('balance', row, this.#bounds(balances, clock), cashAgrees(now));
  }

  #bounds(span: Span, clock: Pick<TrialClock, 'wallOffsetMs' | 'epoch'>): Bounds {
    const nowMs = this.#world.nowMs();
    const offsetNow = clock.wallOffsetMs;
    const offsetThen = span.wallOffsetMs ?? 0;
    // A stamp is the broker's, or of the wall as it was then; the larger of two ages counts.
    const longer = Math.max(0, offsetNow, offsetNow - offsetThen);
    const sameBoot = (span.monoEpoch ?? clock.epoch) === clock.epoch;
    const shorter = sameBoot ? 0 : Math.min(0, offsetNow, offsetNow - offsetThen);
    const wall = nowMs + offsetNow + CLOCK_TOLERANCE_MS;
    const before = (fetchedMs: number): boolean => !sameBoot && wall < fetchedMs + offsetThen;
    return {
      least: Math.max(0, Math.floor((nowMs - span.endedMs + shorter) / 1000)),
      most: Math.ceil((nowMs - span.startedMs + longer) / 1000),
      before: before(span.startedMs) ? 'yes' : before(span.endedMs) ? 'maybe' : 'no',
    };
  }

  #ageIsHonest(
    name: string,
    row: { readonly age: number | null; readonly fresh: boolean; readonly why: string | null },
    { least, most, before }: Bounds,
    agrees: boolean,
  ): void {
    if (row.age === null ? before === 'no' : before === 'yes')
      this.#broken(`${name} says it is ${row.age} s old with a wall that stands ${before} before the data`);
    if (row.age !== null && row.age < least)
      this.#broken(`${name} says it is ${row.age} s old, and is at least ${least} s`);
    if (row.age !== null && row.age > most)
      this.#broken(`${name} says it is ${row.age} s old, and is at most ${most} s`);
    if ((row.why === null) !== row.fresh)
      this.#broken(`${name} is ${row.fresh ? 'fresh' : 'not fresh'} with the reason ${row.why}`);
    const expected = this.#expectedWhy(row.age, agrees);
    if (expected === undefined) return;
    if (expected === null ? row.why !== null : row.why?.startsWith(expected) !== true)
      this.#broken(`${name} says "${row.why}", expected "${expected}"`);
  }

  /**
   * The beginning of `why`, '' for any; null where the data must be fresh; undefined where broker and book agree on these
   * rows and the run says that they differ somewhere else, or was of one part.
   */
  #expectedWhy(age: number | null, agrees: boolean): string | null | undefined {
    if (this.#newest !== null && this.#newest.outcome !== 'complete')
      return `sync_failed: ${this.#newest.errorCode}`;
    if (!this.#verified) return 'agent_started';
    const isPart = this.#newest !== null && this.#newest.type !== 'all';
    if (!agrees) return isPart ? '' : 'unreconciled';
    if (isPart) return age === null || age > FRESH_MAX_AGE_SECONDS ? '' : undefined;
    if (this.#believed?.all.reconciled === false) return undefined;
    if (age === null) return 'clock_before_data: ';
    return age > FRESH_MAX_AGE_SECONDS ? 'stale: ' : null;
  }
}

const HALF_A_CENT = Decimal.parse('0.005');

/** Whether the broker's cash is the book's, as near as the wire tells it. */
function cashAgrees(now: BookLook): boolean {
  const stated = now.balances[0]?.cash ?? null;
  // Between a run of transactions and the one that folds them the ledger is all there is.
  const booked = bookedCash(now) ?? ledgerCash(now).toString();
  if (stated === null) return false;
  return Decimal.parse(stated).minus(Decimal.parse(booked)).abs().compare(HALF_A_CENT) <= 0;
}

function ledgerCash({ ledger }: BookLook): Decimal {
  const counted = ledger.filter((row) => row.status === 'ok' && row.currency === 'USD');
  return Decimal.sum(counted.map((row) => (row.amount ?? Decimal.zero).minus(row.fees ?? Decimal.zero)));
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
