/** Findings of days: a residual that nothing awaited excuses is a difference, and gone when its day is proved. Pure. */
import { type DayProof } from '../book/dayProof.ts';
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type BookEvent } from '../domain/event.ts';
import { type Finding, type FindingEvidence } from '../domain/finding.ts';
import { type Instant, type TradeDate } from '../domain/time.ts';
import { type NewRevision } from '../store/store.ts';
import { type ProvedDay } from './dayProof.ts';
import { eventOf } from './explain.ts';
import { CAUSE_OF_KIND } from './explanation.ts';

export interface DayFindingsInput {
  readonly days: readonly ProvedDay[];
  /** Findings of any kind that are open or reopened, also those this run opens. */
  readonly open: readonly Finding[];
  /** New and corrected activities of this run. */
  readonly changed: readonly NewRevision[];
  readonly now: Instant;
}

export interface DayFindings {
  /** To write: opened, changed and resolved ones. */
  readonly findings: readonly Finding[];
  readonly events: readonly BookEvent[];
}

/** Names the finding of a day for good. */
export function dayFindingKey(date: TradeDate, currency: string): string {
  return `day:${date}:${currency}`;
}

export function dayFindings({ days, open, changed, now }: DayFindingsInput): DayFindings {
  const openByKey = new Map(open.map((finding) => [finding.key, finding]));
  const findings: Finding[] = [];
  const events: BookEvent[] = [];
  const tell = (kind: BookEvent['kind'], finding: Finding): void => {
    findings.push(finding);
    events.push(eventOf(kind, finding, now));
  };
  for (const { proof, differing } of days) {
    const before = openByKey.get(dayFindingKey(proof.date, proof.currency));
    if (proof.state === 'unexplained') {
      const finding = findingOf(proof, now);
      if (before === undefined) {
        // Positions or cash that differ have findings of their own: one cause is one finding.
        if (!isTold(differing, open)) tell('finding_opened', finding);
      } else if (before.expected !== finding.expected || before.observed !== finding.observed) {
        const { state, firstSeenAt } = before;
        tell('finding_changed', { ...finding, state, firstSeenAt });
      }
    } else if (proof.state === 'proved' && before !== undefined) {
      tell('finding_resolved', resolved(before, proof, changed, now));
    }
  }
  return { findings, events };
}

function isTold(differing: readonly string[], open: readonly Finding[]): boolean {
  return open.some(({ key }) => differing.some((name) => key === name || key.startsWith(`${name}#`)));
}

function findingOf(proof: DayProof, now: Instant): Finding {
  const { endEquity, residual, date, currency } = proof;
  return {
    key: dayFindingKey(date, currency),
    type: 'difference',
    cause: 'unknown',
    confidence: 'possible',
    state: 'open',
    instrument: null,
    symbol: currency,
    expected: endEquity!.minus(residual!).toString(),
    observed: endEquity!.toString(),
    firstSeenAt: now,
    lastSeenAt: now,
    evidence: [
      {
        kind: 'rule',
        reference: 'day_proof',
        text: `The day ${date} leaves ${residual!.toString()} ${currency}.`,
      },
      ...COMPONENTS.map(([name, line]) => componentEvidence(proof, name, line)),
    ],
  };
}

const COMPONENTS = [
  ['start equity', 'startEquity'],
  ['flows', 'flows'],
  ['transfers', 'transfers'],
  ['realized', 'realized'],
  ['change in unrealized', 'unrealizedChange'],
  ['income', 'income'],
  ['fees', 'fees'],
  ['fx', 'fx'],
  ['corrections', 'corrections'],
  ['end equity', 'endEquity'],
] as const;

function componentEvidence(
  proof: DayProof,
  name: string,
  line: (typeof COMPONENTS)[number][1],
): FindingEvidence {
  return { kind: 'rule', reference: line, text: `${name}: ${proof[line]?.toString() ?? 'unknown'}` };
}

/**
 * What made the day add up: the activities of that day that arrived. One alone is likely the cause, and certain where
 * its money is the residual; of several the one with the most money is possible. None: the broker stated otherwise.
 */
function resolved(before: Finding, proof: DayProof, changed: readonly NewRevision[], now: Instant): Finding {
  const arrived = changed.filter(
    (activity) => activity.tradeDate === proof.date && activity.currency === proof.currency,
  );
  const [most] = arrived.toSorted((left, right) => moneyOf(right).abs().compare(moneyOf(left).abs()));
  const settled = { ...before, state: 'resolved' as const, lastSeenAt: now };
  if (most === undefined) {
    const text = 'The day adds up to what the broker states now; no new activity was needed.';
    return {
      ...settled,
      cause: 'stale_source',
      confidence: 'likely',
      evidence: [...before.evidence, { kind: 'rule', reference: 'day_proof', text }],
    };
  }
  const isCorrection = most.rev > 0 || most.status === 'bust';
  const isAll = arrived.length === 1 && !isCorrection && residualOf(before)?.equals(moneyOf(most)) === true;
  return {
    ...settled,
    cause: isCorrection ? 'broker_correction' : CAUSE_OF_KIND[most.kind],
    confidence: isAll ? 'certain' : arrived.length === 1 ? 'likely' : 'possible',
    evidence: [
      ...before.evidence,
      ...arrived.slice(0, 10).map(({ rootId, kind }) => ({
        kind: 'activity',
        reference: rootId,
        text: `${kind}, booked on ${proof.date}`,
      })),
    ],
  };
}

function residualOf({ expected, observed }: Finding): Decimal | null {
  return expected === null || observed === null
    ? null
    : Decimal.parse(observed).minus(Decimal.parse(expected));
}

function moneyOf({ amount, fees }: Activity): Decimal {
  return (amount ?? Decimal.zero).minus(fees ?? Decimal.zero);
}
