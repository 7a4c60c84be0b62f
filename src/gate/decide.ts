/**
 * The verdict of the gate: may somebody act on this data now? Pure. Every doubt closes it, what is not known is a doubt,
 * and nothing that is added to the facts can open it again. One doubt may be softened by the user (`onSyncFailure`).
 */

/** Every way the book can be unsure, in the order they are told. */
export const GATE_REASONS = [
  'unknown',
  'wrong_account',
  'sync_disabled',
  'never_synced',
  'sync_failed',
  'unverified',
  'stale',
  'unreconciled',
  'missing',
  'unexplained',
  'not_fresh',
] as const;
export type GateReason = (typeof GATE_REASONS)[number];

/** What is known of an account; null = could not be found out. */
export interface GateFacts {
  /** The broker answered for another account than the pinned one and for the right one not since. */
  readonly wrongAccount: boolean | null;
  /** Scheduled runs are switched on. */
  readonly enabled: boolean | null;
  /** Positions, activities and balances were believed at least once. */
  readonly everSynced: boolean | null;
  /** The newest run, and the one made for this question if any, committed complete. */
  readonly lastRunComplete: boolean | null;
  /** All classes of data are of one run that an agent's start has not put in doubt. */
  readonly verified: boolean | null;
  /** Whole seconds since the oldest class of data was true. */
  readonly ageSeconds: number | null;
  readonly maxAgeSeconds: number;
  /** Broker and book agreed in the run the data is of. */
  readonly reconciled: boolean | null;
  /** Symbols in question whose position is missing at the broker. */
  readonly missing: readonly string[] | null;
  /** Symbols in question whose position no activity explains. */
  readonly unexplained: readonly string[] | null;
  /** Why the book calls its own rows not fresh (leaving failed runs and age limits to the facts above); null = fresh. */
  readonly doubt: string | null;
}

export interface GatePolicy {
  /** `GATE_ON_SYNC_FAILURE`: whether `sync_failed` closes the gate or only warns. Nothing else is ever softened. */
  readonly onSyncFailure: 'deny' | 'caution';
}

export interface Verdict {
  /** May act. */
  readonly ok: boolean;
  /** True when `ok` in spite of a reason: think twice. */
  readonly caution: boolean;
  /** Everything that speaks against it, in the order of `GATE_REASONS`; empty exactly when there is no doubt. */
  readonly reasons: readonly GateReason[];
  /** A sentence for each reason, in the same order. */
  readonly details: readonly string[];
}

/** Facts of an account of which nothing could be found out. */
export const NOTHING_KNOWN: Omit<GateFacts, 'maxAgeSeconds' | 'doubt'> = {
  wrongAccount: null,
  enabled: null,
  everSynced: null,
  lastRunComplete: null,
  verified: null,
  ageSeconds: null,
  reconciled: null,
  missing: null,
  unexplained: null,
};

export function decide(facts: GateFacts, policy: GatePolicy): Verdict {
  const all = GATE_REASONS.flatMap((reason) => {
    const detail = DOUBTS[reason](facts);
    return detail === null ? [] : [{ reason, detail }];
  });
  // What the book says of itself is told where no other reason tells it.
  const isTold = all.some(({ reason }) => !TELLS_NOTHING_OF_THE_BOOK.has(reason));
  const found = isTold ? all.filter(({ reason }) => reason !== 'not_fresh') : all;
  const closing = found.filter(
    ({ reason }) => !(reason === 'sync_failed' && policy.onSyncFailure === 'caution'),
  );
  const ok = closing.length === 0;
  return {
    ok,
    caution: ok && found.length > 0,
    reasons: found.map(({ reason }) => reason),
    details: found.map(({ detail }) => detail),
  };
}

const TELLS_NOTHING_OF_THE_BOOK: ReadonlySet<GateReason> = new Set([
  'unknown',
  'wrong_account',
  'sync_disabled',
  'sync_failed',
  'not_fresh',
]);

/** Whether each reason holds, and the sentence that says so. */
const DOUBTS: Readonly<Record<GateReason, (facts: GateFacts) => string | null>> = {
  unknown: (facts) => {
    const unknown = UNKNOWABLE.filter((name) => isUnknown(facts, name));
    return unknown.length === 0
      ? null
      : `It could not be found out: ${unknown.map((name) => WORDS[name]).join(', ')}.`;
  },
  wrong_account: ({ wrongAccount }) =>
    wrongAccount === true ? 'The broker answered for another account than the one of this book.' : null,
  sync_disabled: ({ enabled }) =>
    enabled === false ? 'Scheduled runs are switched off for this account.' : null,
  never_synced: ({ everSynced }) => (everSynced === false ? 'The account was never read completely.' : null),
  sync_failed: ({ lastRunComplete }) =>
    lastRunComplete === false ? 'The newest sync failed; the data is of an older one.' : null,
  unverified: ({ verified, everSynced }) =>
    verified === false && everSynced !== false
      ? 'Not all data is of one run, or an agent has started and not finished its first run.'
      : null,
  stale: ({ ageSeconds, maxAgeSeconds }) =>
    ageSeconds !== null && !(ageSeconds <= maxAgeSeconds)
      ? `The data is ${ageSeconds} s old, at most ${maxAgeSeconds} s are allowed.`
      : null,
  unreconciled: ({ reconciled, everSynced }) =>
    reconciled === false && everSynced !== false ? 'Broker and book differ, see `truebook findings`.' : null,
  missing: ({ missing }) =>
    missing !== null && missing.length > 0 ? `Missing at the broker: ${listed(missing)}.` : null,
  unexplained: ({ unexplained }) =>
    unexplained !== null && unexplained.length > 0
      ? `Not explained by activities: ${listed(unexplained)}.`
      : null,
  not_fresh: ({ doubt, everSynced }) =>
    doubt !== null && everSynced !== false ? `The book says of itself: ${doubt}.` : null,
};

const WORDS = {
  wrongAccount: 'whose account it is',
  enabled: 'whether runs are switched on',
  everSynced: 'whether it was ever read',
  lastRunComplete: 'how the newest sync ended',
  verified: 'whether the data belongs together',
  ageSeconds: 'how old the data is',
  reconciled: 'whether broker and book agree',
  missing: 'what is missing',
  unexplained: 'what is not explained',
} as const;

const UNKNOWABLE = Object.keys(WORDS) as (keyof typeof WORDS)[];

/** Of an account that was never read nothing else can be known: that is said once, by `never_synced`. */
function isUnknown(facts: GateFacts, name: keyof typeof WORDS): boolean {
  if (facts[name] !== null) return false;
  return (
    facts.everSynced !== false || !(name === 'ageSeconds' || name === 'verified' || name === 'reconciled')
  );
}

const LISTED_MOST = 5;

function listed(symbols: readonly string[]): string {
  const more = symbols.length - LISTED_MOST;
  return `${symbols.slice(0, LISTED_MOST).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
