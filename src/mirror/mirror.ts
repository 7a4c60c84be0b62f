/**
 * Mirror files (seeds/004): what the book knows of an Alpaca account, in the files older bots read. Written after each
 * run by the holder of the account's lease. The book never waits for them nor depends on them: what goes wrong here is a
 * warning, and is tried again after the next run.
 */
import { join } from 'node:path';
import { type Account, type AccountId } from '../domain/account.ts';
import { assetClassOf } from '../domain/assetClass.ts';
import { type Decimal } from '../domain/decimal.ts';
import { errorText } from '../domain/errors.ts';
import { type InstrumentKind } from '../domain/instrument.ts';
import { now as instantNow, type Clock } from '../domain/time.ts';
import {
  type BookMarks,
  type ChronicleActivity,
  type ChronicleEntry,
  type ImportedTrade,
  type LedgerRow,
  type RevisionChain,
  type RunRecord,
  type Store,
} from '../store/store.ts';
import { auditLines, firstAuditLine } from './auditLines.ts';
import { appendLines, readLog } from './auditLog.ts';
import { bankrollFileText, readForeignBankroll } from './bankrollFile.ts';
import {
  COPIES_KEPT,
  makeFolder,
  readMemory,
  removeLeftovers,
  removeSpentCopies,
  replaceFiles,
  signatureOf,
  textOf,
  type Backup,
  type LogPlace,
  type Memory,
  type Replaced,
  type WantedFile,
} from './files.ts';
import { readForeignTrades } from './foreignTrades.ts';
import { mirrorNames, type MirrorNames } from './names.ts';
import { positionsFileText, type MirrorPosition } from './positionsFile.ts';
import { isInLedger, ledgerIds, tradesFileText } from './tradesFile.ts';

export interface MirrorOptions {
  /** `MIRROR_DIR`. */
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  /** `ALPACA_SYNC_ASSET_CLASSES`: narrows positions, trades and their audit lines; null = all. */
  readonly kinds: readonly InstrumentKind[] | null;
  /** Open and missing positions of an account as every listing shows them. */
  readonly positions: (account: Account) => Promise<readonly MirrorPosition[]>;
  readonly isManual: (row: Pick<LedgerRow, 'clientOrderId' | 'announced'>) => boolean;
  /** Calls `action` after real milliseconds; the answer cancels it. */
  readonly after: (ms: number, action: () => void) => () => void;
  /** How long a run waits for its files. */
  readonly timeLimitMs?: number;
  /** Of one part of the audit log. */
  readonly maxLogBytes?: number;
}

export interface MirrorResult {
  /** Files that were written, below the folder; the log too where it got lines. */
  readonly written: readonly string[];
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

export interface Mirror {
  readonly folder: string;
  /** The bankroll an older program left, for the account's first run; a file of ours or none: null. Never throws. */
  startingBankroll(
    account: Account,
    onWarning: (sentence: string) => void,
  ): Promise<{ readonly amount: Decimal; readonly source: string } | 'unknown' | null>;
  /** Brings the account's files up to the book, `run` being the one just committed. Needs the lease. Never throws. */
  write(account: Account, run: RunRecord | null): Promise<MirrorResult>;
}

const TIME_LIMIT_MS = 5_000;
const MAX_LOG_BYTES = 5_000_000;

/** Places of the chain that are read at once. */
const CHRONICLE_SPAN = 5_000;
/** Runs that are told of at most when a log begins or went without for long. */
const RUNS_TOLD = 500;

export function createMirror(options: MirrorOptions): Mirror {
  const seats = new Map<AccountId, Seat>();
  const underWay = new Map<AccountId, Promise<unknown>>();
  return {
    folder: options.folder,
    startingBankroll: (account, onWarning) => {
      const reading = startingBankroll(options.folder, account, onWarning);
      return withinTime(options, reading, () => {
        onWarning(
          `${account.name}: the folder of the mirror files does not answer; its bankroll is asked for again.`,
        );
        return 'unknown' as const;
      });
    },
    write: async (account, run) => {
      if (underWay.has(account.id)) {
        return { written: [], warnings: ['The mirror files are still being written; the next run goes on.'] };
      }
      const seat = seats.get(account.id) ?? newSeat();
      seats.set(account.id, seat);
      const stop = new AbortController();
      const work = writeAll(options, seat, account, run, stop.signal).finally(() =>
        underWay.delete(account.id),
      );
      underWay.set(account.id, work);
      return within(options, stop, work);
    },
  };
}

/** What this process knows of an account's files; wrong as soon as somebody touches them, which their signatures show. */
interface Seat {
  /** By file: what it was made from, and its signature then. */
  readonly made: Map<string, { readonly from: string; readonly signature: string }>;
  /** Counts the runs that may have changed positions: their table has no mark of its own. */
  turn: number;
  lastTurnRun: number;
  log: { readonly place: LogPlace; readonly signature: string } | null;
  leftoversRemoved: boolean;
}

function newSeat(): Seat {
  return { made: new Map(), turn: 0, lastTurnRun: 0, log: null, leftoversRemoved: false };
}

/** A folder that hangs (a network drive) must not hold up the account. */
function within(
  options: MirrorOptions,
  stop: AbortController,
  work: Promise<MirrorResult>,
): Promise<MirrorResult> {
  return withinTime(options, work, (limit) => {
    stop.abort();
    return {
      written: [],
      warnings: [`The mirror files could not be written within ${limit} ms; the next run goes on.`],
    };
  });
}

/** What comes first: the work, or the time limit and what is answered then. */
async function withinTime<Answer>(
  { after, timeLimitMs = TIME_LIMIT_MS }: MirrorOptions,
  work: Promise<Answer>,
  late: (limitMs: number) => Answer,
): Promise<Answer> {
  let cancel = (): void => undefined;
  const timeIsUp = new Promise<Answer>((resolve) => {
    cancel = after(timeLimitMs, () => resolve(late(timeLimitMs)));
  });
  try {
    return await Promise.race([work, timeIsUp]);
  } finally {
    cancel();
  }
}

async function writeAll(
  options: MirrorOptions,
  seat: Seat,
  account: Account,
  run: RunRecord | null,
  signal: AbortSignal,
): Promise<MirrorResult> {
  const names = mirrorNames(account);
  const warnings: string[] = [];
  const written: string[] = [];
  const problem = (name: string, error: unknown): void => {
    if (signal.aborted) return;
    warnings.push(`${name} could not be written: ${reasonOf(error)} The next run tries again.`);
  };
  try {
    if (run !== null) countTurn(seat, run);
    const marks = await options.store.bookMarks(account.id);
    const look = new Look(options, account);
    const task: Task = { options, seat, account, names, run, marks, look, signal, problem };
    if (!seat.leftoversRemoved) {
      await makeFolder(join(options.folder, 'logs'));
      await removeLeftovers(options.folder, Object.values(names));
      seat.leftoversRemoved = true;
    }
    const replaced = await writeTables(task).catch((error: unknown) => {
      problem(names.memory, error);
      return [];
    });
    written.push(...replaced.map(({ name }) => name));
    for (const { name, backups } of replaced) {
      for (const backup of backups) warnings.push(await keptSentence(options, names, name, backup, look));
      if (backups.length > 0) warnings.push(...(await copiesSentence(options, names, name, look)));
    }
    const log = await writeLog(task);
    if (log.written) written.push(names.log);
    if (log.backup !== null) warnings.push(`${names.log} was not Truebook's; it is kept as ${log.backup}.`);
  } catch (error) {
    problem('The mirror files', error);
  }
  return { written, warnings };
}

interface Task {
  readonly options: MirrorOptions;
  readonly seat: Seat;
  readonly account: Account;
  readonly names: MirrorNames;
  readonly run: RunRecord | null;
  readonly marks: BookMarks;
  readonly look: Look;
  readonly signal: AbortSignal;
  readonly problem: (name: string, error: unknown) => void;
}

function countTurn(seat: Seat, { id, counts, type }: RunRecord): void {
  const isQuiet = counts.created + counts.updated + counts.closed === 0;
  // A run of positions alone writes marks without the balances that would show it.
  if ((isQuiet && type !== 'positions') || seat.lastTurnRun === id) return;
  seat.turn += 1;
  seat.lastTurnRun = id;
}

/** What is read from the book at most once per run. */
class Look {
  readonly #options: MirrorOptions;
  readonly #account: Account;
  #fills: Promise<readonly LedgerRow[]> | null = null;
  #imported: Promise<readonly ImportedTrade[]> | null = null;

  constructor(options: MirrorOptions, account: Account) {
    this.#options = options;
    this.#account = account;
  }

  fills(): Promise<readonly LedgerRow[]> {
    return (this.#fills ??= this.#options.store.ledger({ accountId: this.#account.id, kinds: ['fill'] }));
  }

  imported(): Promise<readonly ImportedTrade[]> {
    return (this.#imported ??= this.#options.store.importedTrades({ accountId: this.#account.id }));
  }
}

// ---- bankroll, positions, trades -----------------------------------------------------------------------------------

async function writeTables(task: Task): Promise<readonly Replaced[]> {
  const { options, seat, names, marks, signal, problem } = task;
  const { folder } = options;
  const from = {
    [names.bankroll]: `${marks.ledgerSeq}|${marks.prices}`,
    [names.positions]: `${marks.ledgerSeq}|${marks.prices}|${seat.turn}|${marks.dataClasses}`,
    [names.trades]: `${marks.ledgerSeq}|${marks.orders}|${marks.importedId}|${marks.dataClasses}`,
  };
  const due: string[] = [];
  for (const [name, source] of Object.entries(from)) {
    const made = seat.made.get(name);
    const isCurrent = made?.from === source && made.signature === (await signatureOf(join(folder, name)));
    if (!isCurrent) due.push(name);
  }
  if (due.length === 0) return [];
  const wanted = await wantedFiles(task, due);
  const failed = new Set<string>();
  const { replaced } = await replaceFiles(wanted, {
    folder,
    memoryName: names.memory,
    memory: await memoryOf(task),
    now: instantNow(options.clock),
    signal,
    onProblem: (name, error) => {
      failed.add(name);
      problem(name, error);
    },
  });
  for (const name of due) {
    if (failed.has(name)) seat.made.delete(name);
    else seat.made.set(name, { from: from[name]!, signature: await signatureOf(join(folder, name)) });
  }
  return replaced;
}

/** With how far the log has come, so that a log that is deleted goes on where it ended. */
async function memoryOf({ options, names, seat }: Task): Promise<Memory> {
  const memory = await readMemory(options.folder, names.memory);
  return { ...memory, log: seat.log?.place ?? memory.log };
}

/** Only what the book knows: an account whose positions were never read has no positions file, not an empty one. */
async function wantedFiles(task: Task, due: readonly string[]): Promise<readonly WantedFile[]> {
  const { options, account, names, look } = task;
  const { store, kinds } = options;
  const known = new Set((await store.freshness(account.id)).map((row) => row.dataClass));
  const wanted: WantedFile[] = [];
  if (due.includes(names.bankroll)) {
    const entries = (await store.bankroll({ accountId: account.id })).filter(
      (entry) => entry.epoch === account.epoch,
    );
    const balance =
      (await store.balances({ accountId: account.id })).find(
        (row) => row.currency === entries[0]?.currency,
      ) ?? null;
    if (entries.length > 0) {
      wanted.push({
        name: names.bankroll,
        render: (before) => bankrollFileText({ account, entries, balance }, before),
      });
    }
  }
  if (due.includes(names.positions) && known.has('positions')) {
    const words = kinds?.map((kind) => assetClassOf(kind)) ?? null;
    const positions = (await options.positions(account)).filter(
      (row) => words === null || words.includes(assetClassOf(row.kind as InstrumentKind)),
    );
    wanted.push({ name: names.positions, render: () => positionsFileText(positions) });
  }
  if (due.includes(names.trades) && known.has('activities')) {
    const [fills, imported] = [await look.fills(), await look.imported()];
    const text = tradesFileText({ account, fills, imported, kinds, isManual: options.isManual });
    wanted.push({ name: names.trades, render: () => text });
  }
  return wanted;
}

/** Says where somebody else's file is kept, and how many of its trades are in no other place yet. */
async function keptSentence(
  { folder }: MirrorOptions,
  names: MirrorNames,
  name: string,
  backup: Backup,
  look: Look,
): Promise<string> {
  const kept = `${name} was not as Truebook wrote it; it is kept as ${backup.name}.`;
  if (name !== names.trades) return kept;
  const waiting = await tradesWaiting(backup, look).catch(() => null);
  if (waiting === null) return `${kept} Its trades cannot be read.`;
  if (waiting === 0) return kept;
  const trades = waiting === 1 ? '1 trade in it waits' : `${waiting} trades in it wait`;
  return `${kept} ${trades} for \`truebook import mirror ${folder}\`.`;
}

/**
 * How many trades of a copy neither the ledger has nor an import took over; null where it is no trade history. Throws
 * where the book cannot be asked.
 */
async function tradesWaiting({ name, text }: Backup, look: Look): Promise<number | null> {
  const known = ledgerIds(await look.fills());
  const imported = new Set((await look.imported()).map((trade) => trade.contentHash));
  try {
    return readForeignTrades(text, name).trades.filter(
      (trade) => !isInLedger(trade, known) && !imported.has(trade.contentHash),
    ).length;
  } catch {
    return null;
  }
}

/** A program that goes on writing would leave a copy with every run: says so once the oldest of them begin to go. */
async function copiesSentence(
  { folder }: MirrorOptions,
  names: MirrorNames,
  name: string,
  look: Look,
): Promise<readonly string[]> {
  try {
    const removed = await removeSpentCopies(
      folder,
      name,
      async (copy, text) => name !== names.trades || !(await tradesWaiting({ name: copy, text }, look)),
    );
    if (removed === 0) return [];
  } catch {
    // Copies too many harm nobody; the next one tries again.
    return [];
  }
  return [
    `Another program goes on writing ${name}: of its copies the first and the newest ${COPIES_KEPT} are kept.`,
  ];
}

// ---- audit log -----------------------------------------------------------------------------------------------------

async function writeLog(task: Task): Promise<{ readonly written: boolean; readonly backup: string | null }> {
  const { options, seat, names, account, run, marks, signal, problem } = task;
  const nothing = { written: false, backup: null };
  const path = join(options.folder, names.log);
  try {
    const steady = seat.log !== null && seat.log.signature === (await signatureOf(path));
    const place = steady ? seat.log!.place : await placeOf(task, path);
    const moved = marks.ledgerSeq > place.seq;
    const runs = await runsToTell(task, place, steady && !moved);
    const imports =
      marks.importedId > place.imported
        ? await options.store.importedTrades({ accountId: account.id, afterId: place.imported })
        : [];
    const entries = moved ? await entriesAfter(options.store, account.id, place.seq, marks.ledgerSeq) : [];
    if (runs.length === 0 && imports.length === 0 && entries.length === 0) return nothing;
    const after = {
      seq: marks.ledgerSeq,
      run: runs.at(-1)?.id ?? place.run,
      imported: marks.importedId,
    };
    const lines = auditLines({
      account,
      kinds: options.kinds,
      entries,
      runs,
      imports,
      importedBefore: imports.length === 0 ? 0 : (await task.look.imported()).length - imports.length,
      earlier: await earlierOf(task, entries),
      isManual: await manualOf(task, entries),
      from: place,
      place: after,
    });
    signal.throwIfAborted();
    const now = instantNow(options.clock);
    const backup = await appendLines(lines, {
      folder: options.folder,
      name: names.log,
      now,
      firstLine: (before) => firstAuditLine(run?.startedAt ?? now, account, before, place),
      maxBytes: options.maxLogBytes ?? MAX_LOG_BYTES,
    });
    seat.log = { place: after, signature: await signatureOf(path) };
    return { written: true, backup };
  } catch (error) {
    seat.log = null;
    problem(names.log, error);
    return nothing;
  }
}

async function placeOf({ options, names }: Task, path: string): Promise<LogPlace> {
  const { place } = await readLog(path);
  return place ?? (await readMemory(options.folder, names.memory)).log ?? { seq: 0, run: 0, imported: 0 };
}

/** The run just committed, and those before it that the log does not have. */
async function runsToTell(
  { options, account, run }: Task,
  place: LogPlace,
  isOnlyRun: boolean,
): Promise<readonly RunRecord[]> {
  if (isOnlyRun) return run === null || run.id <= place.run ? [] : [run];
  const runs = await options.store.runs({ accountId: account.id, limit: RUNS_TOLD });
  return runs.filter(({ id }) => id > place.run).toSorted((left, right) => left.id - right.id);
}

async function entriesAfter(
  store: Store,
  accountId: AccountId,
  afterSeq: number,
  lastSeq: number,
): Promise<readonly ChronicleEntry[]> {
  const entries: ChronicleEntry[] = [];
  for (let seq = afterSeq; seq < lastSeq; seq += CHRONICLE_SPAN) {
    for (const entry of await store.chronicle(accountId, seq, CHRONICLE_SPAN)) entries.push(entry);
  }
  return entries;
}

async function earlierOf({ options, account }: Task, entries: readonly ChronicleEntry[]) {
  const corrected = entries.flatMap((entry) =>
    entry.kind === 'activity' && entry.activity.rev > 0 ? [entry] : [],
  );
  const earlier = new Map<string, RevisionChain>();
  for (const epoch of new Set(corrected.map((entry) => entry.epoch))) {
    const ids = corrected.filter((entry) => entry.epoch === epoch).map((entry) => entry.activity.rootId);
    for (const [id, chain] of await options.store.revisions(account.id, epoch, [...new Set(ids)]))
      earlier.set(id, chain);
  }
  return earlier;
}

async function manualOf({ options, look }: Task, entries: readonly ChronicleEntry[]) {
  const hasFills = entries.some((entry) => entry.kind === 'activity' && entry.activity.kind === 'fill');
  const manual = new Map(
    hasFills ? (await look.fills()).map((fill) => [fill.rootId, options.isManual(fill)] as const) : [],
  );
  return (activity: ChronicleActivity): boolean | null =>
    activity.kind === 'fill' ? (manual.get(activity.rootId) ?? null) : null;
}

// ---- starting value ------------------------------------------------------------------------------------------------

async function startingBankroll(
  folder: string,
  account: Account,
  onWarning: (sentence: string) => void,
): ReturnType<Mirror['startingBankroll']> {
  const { bankroll } = mirrorNames(account);
  try {
    const text = await textOf(join(folder, bankroll));
    const amount = text === null ? null : readForeignBankroll(text);
    return amount === null ? null : { amount, source: bankroll };
  } catch (error) {
    onWarning(
      `${account.name}: ${join(folder, bankroll)} gives no starting bankroll: ${errorText(error)} The account's equity is taken.`,
    );
    return null;
  }
}

/** Without the path: the sentence names the file, and a path may be anything. */
function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'no permission.',
    EPERM: 'no permission, or another program keeps it open.',
    EBUSY: 'another program keeps it open.',
    EROFS: 'the disk is read-only.',
    ENOSPC: 'the disk is full.',
    ENOTDIR: 'its folder is a file.',
    EISDIR: 'a folder has its name.',
  };
  return (code === undefined ? undefined : reasons[code]) ?? `${errorText(error).replace(/\.$/, '')}.`;
}
