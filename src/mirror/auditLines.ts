/**
 * The lines of the audit log: one per event, with time, event, before, after, source and environment (seeds/004). Pure.
 * `TIME | EVENT | before=B | after=A | source=S | cause=C | env=E | account=N | ...`
 */
import { type Account } from '../domain/account.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { type Decimal } from '../domain/decimal.ts';
import { LIFECYCLE_EVENTS, type BookEvent } from '../domain/event.ts';
import { kindOf, type InstrumentId, type InstrumentKind } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';
import { scrub } from '../log.ts';
import {
  type ChronicleActivity,
  type ChronicleEntry,
  type ImportedTrade,
  type RevisionChain,
  type RunRecord,
  type StoredBankrollEntry,
} from '../store/store.ts';
import { LOG_STARTED } from './auditLog.ts';
import { type LogPlace } from './files.ts';

export interface AuditFacts {
  readonly account: Pick<Account, 'name' | 'env' | 'broker'>;
  /** Only positions and trades of these kinds; null = all. */
  readonly kinds: readonly InstrumentKind[] | null;
  /** In the order of the chain. */
  readonly entries: readonly ChronicleEntry[];
  /** Oldest first. */
  readonly runs: readonly RunRecord[];
  readonly imports: readonly ImportedTrade[];
  /** How many trades were imported before those. */
  readonly importedBefore: number;
  /** Earlier revisions of what was corrected or busted, by root id. */
  readonly earlier: ReadonlyMap<string, RevisionChain>;
  /** True, false, or null where it is no trade or not known. */
  readonly isManual: (activity: ChronicleActivity) => boolean | null;
  /** Where the log stands before these lines, and after them. */
  readonly from: LogPlace;
  readonly place: LogPlace;
}

type Fields = Readonly<Record<string, string | Decimal | boolean | number | null>>;

/** What every line has, in this order; further fields follow. */
interface Line {
  readonly at: Instant;
  readonly event: string;
  readonly before: string | Decimal | null;
  readonly after: string | Decimal | null;
  readonly source: string;
  readonly cause: string | null;
  readonly more?: Fields;
}

/** Every run with what it wrote between its start and its end; what no run wrote stands where it happened. */
export function auditLines(facts: AuditFacts): readonly string[] {
  const lines: string[] = [];
  const tell = (line: Line): void => void lines.push(printed(line, facts.account));
  let next = 0;
  const tellUpTo = (isDue: (entry: ChronicleEntry) => boolean): void => {
    for (; next < facts.entries.length && isDue(facts.entries[next]!); next += 1) {
      const line = ofEntry(facts.entries[next]!, facts);
      if (line !== null) tell(line);
    }
  };
  for (const line of ofImports(facts)) tell(line);
  facts.runs.forEach((run, index) => {
    tellUpTo((entry) => entry.runId === null || entry.runId < run.id);
    tell(started(run));
    tellUpTo((entry) => entry.runId === run.id);
    const isLast = index === facts.runs.length - 1;
    const seq = isLast ? facts.place.seq : (facts.entries[next - 1]?.seq ?? facts.from.seq);
    tell(ended(run, seq, facts));
  });
  tellUpTo(() => true);
  return lines;
}

/** The line that makes a log ours. `before` names the part that was put aside, or the copy of somebody else's text. */
export function firstAuditLine(
  at: Instant,
  account: AuditFacts['account'],
  before: string | null,
  place: LogPlace,
): string {
  return printed(
    {
      at,
      event: LOG_STARTED,
      before,
      after: 'started',
      source: 'truebook',
      cause: null,
      more: { written_by: 'truebook', ...place },
    },
    account,
  );
}

// ---- runs --------------------------------------------------------------------------------------------------------

function started(run: RunRecord): Line {
  return {
    at: run.startedAt,
    event: 'sync_started',
    before: 'idle',
    after: 'running',
    source: 'truebook',
    cause: run.trigger,
    more: { type: run.type },
  };
}

function ended(run: RunRecord, seq: number, { account, place }: AuditFacts): Line {
  const failed = run.outcome === 'incomplete' || run.outcome === 'failed';
  const { created, updated, closed, missing, findings, newActivities } = run.counts;
  return {
    at: run.finishedAt,
    event: failed ? 'sync_failed' : run.outcome === 'progress' ? 'history_read' : 'sync_finished',
    before: 'running',
    after: run.outcome,
    source: account.broker,
    cause: failed ? run.errorCode : null,
    more: {
      type: run.type,
      ...(failed
        ? { error: run.errorMessage }
        : {
            reconciled: run.reconciled,
            created,
            updated,
            closed,
            missing,
            findings,
            activities: newActivities,
          }),
      run: run.id,
      seq,
      imported: place.imported,
    },
  };
}

// ---- entries of the chain ------------------------------------------------------------------------------------------

function ofEntry(entry: ChronicleEntry, facts: AuditFacts): Line | null {
  switch (entry.kind) {
    case 'activity':
      return isWanted(entry.activity.instrument, facts) ? ofActivity(entry, entry.activity, facts) : null;
    case 'event':
      return isWanted(entry.event.instrument, facts) ? ofEvent(entry, entry.event, facts) : null;
    case 'bankroll':
      return ofBankroll(entry, entry.entry);
  }
}

function isWanted(instrument: InstrumentId | null, { kinds }: AuditFacts): boolean {
  return instrument === null || kinds === null || kinds.includes(kindOf(instrument));
}

function ofActivity(entry: ChronicleEntry, activity: ChronicleActivity, facts: AuditFacts): Line {
  const manual = facts.isManual(activity);
  const before =
    facts.earlier.get(activity.rootId)?.findLast((earlier) => earlier.rev < activity.rev) ?? null;
  const isBust = activity.status === 'bust';
  return {
    at: entry.seenAt,
    event: isBust ? 'transaction_bust' : activity.rev > 0 ? 'transaction_corrected' : 'transaction_imported',
    before: before === null || before.status === 'bust' ? null : effectOf(before),
    after: isBust ? null : effectOf(activity),
    source: activity.source,
    cause: manual === null ? activity.kind : manual ? 'manual_trade' : 'automation',
    more: {
      kind: activity.kind,
      symbol: activity.symbol,
      id: activity.externalId,
      order_id: activity.orderId,
      executed_at: activity.executedAt,
      rev: activity.rev,
      seq: entry.seq,
    },
  };
}

/** `buy 10 @ 200`; what has no price by its quantity, pure cash by its amount. */
function effectOf(
  activity: Pick<ActivityRevision, 'kind' | 'quantity' | 'price' | 'amount' | 'currency'>,
): string {
  const { kind, quantity, price, amount, currency } = activity;
  if (kind === 'fill') {
    const side = quantity.sign() < 0 ? 'sell' : 'buy';
    return `${side} ${quantity.abs().toString()} @ ${price?.toString() ?? 'unknown'}`;
  }
  if (!quantity.isZero()) return quantity.toString();
  return amount === null ? 'unknown' : `${moneyText(amount)} ${currency}`;
}

function ofEvent(entry: ChronicleEntry, event: BookEvent, { account }: AuditFacts): Line {
  const { kind, facts, symbol, at } = event;
  const shared = { at: entry.seenAt, source: account.broker } as const;
  const isPosition = (LIFECYCLE_EVENTS as readonly string[]).includes(kind) && event.instrument !== null;
  if (kind === 'account_reset') {
    return {
      ...shared,
      event: isPosition ? 'position_account_reset' : kind,
      before: isPosition ? (facts['quantity'] ?? null) : `epoch ${facts['from_epoch'] ?? ''}`,
      after: isPosition ? '0' : `epoch ${facts['to_epoch'] ?? ''}`,
      cause: 'account_reset',
      more: { symbol, seq: entry.seq },
    };
  }
  if (isPosition) {
    return {
      ...shared,
      event: `position_${kind}`,
      before: facts['before'] ?? null,
      after: facts['after'] ?? null,
      cause: facts['activity'] ?? null,
      more: {
        symbol,
        effective_at: at,
        book: facts['book'] ?? null,
        broker: facts['broker'] ?? null,
        seq: entry.seq,
      },
    };
  }
  if (kind === 'account_pinned') {
    return {
      ...shared,
      event: kind,
      before: null,
      after: 'pinned',
      cause: 'first_contact',
      more: { seq: entry.seq },
    };
  }
  return {
    ...shared,
    event: kind,
    before: facts['expected'] ?? null,
    after: facts['observed'] ?? null,
    cause: facts['cause'] ?? facts['reason'] ?? null,
    more: { finding: facts['key'] ?? null, confidence: facts['confidence'] ?? null, symbol, seq: entry.seq },
  };
}

function ofBankroll(entry: ChronicleEntry, bankroll: StoredBankrollEntry): Line {
  const { kind, before, after, source, causes, amount, currency } = bankroll;
  return {
    at: entry.seenAt,
    event: kind === 'sync_adjustment' ? kind : `bankroll_${kind}`,
    before: before === null ? null : moneyText(before),
    after: moneyText(after),
    source,
    cause: causes.join(','),
    more: { amount: moneyText(amount), currency, seq: entry.seq },
  };
}

// ---- imports -------------------------------------------------------------------------------------------------------

/** One line for each file of an import. */
function ofImports({ imports, importedBefore }: AuditFacts): readonly Line[] {
  const batches = new Map<string, ImportedTrade[]>();
  for (const trade of imports) {
    const key = `${trade.importedAt}|${trade.file}`;
    const batch = batches.get(key);
    if (batch === undefined) batches.set(key, [trade]);
    else batch.push(trade);
  }
  let count = importedBefore;
  return [...batches.values()].map((batch) => {
    const last = batch.at(-1)!;
    const before = count;
    count += batch.length;
    return {
      at: last.importedAt,
      event: 'trades_imported',
      before: String(before),
      after: String(count),
      source: last.file,
      cause: 'import',
      more: { trades: batch.length, imported: last.id },
    };
  });
}

// ---- text ----------------------------------------------------------------------------------------------------------

function printed(line: Line, account: AuditFacts['account']): string {
  const { at, event, before, after, source, cause, more = {} } = line;
  const fields: Fields = { before, after, source, cause, env: account.env, account: account.name, ...more };
  return [at, event, ...Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`)].join(
    ' | ',
  );
}

/** One line, whatever a broker wrote into a text: it cannot end the line, begin a field or steer a terminal. */
function fieldText(value: Fields[string]): string {
  if (value === null || value === '') return 'none';
  if (typeof value !== 'string') return value.toString();
  return scrub(value)
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ')
    .replaceAll('|', '/');
}

/** At least two digits behind the point, and every further one there is. */
export function moneyText(amount: Decimal): string {
  const exact = amount.toString();
  const places = exact.includes('.') ? exact.length - exact.indexOf('.') - 1 : 0;
  return places >= 2 ? exact : amount.toFixed(2);
}
