/**
 * Choices of lots that could not be followed: the method took their place, so that no units are lost, and a finding says
 * so until the choice can be followed or is taken back. Pure.
 */
import { type Refusal } from '../book/foldBook.ts';
import { type Activity } from '../domain/activity.ts';
import { type BookEvent } from '../domain/event.ts';
import { type Finding } from '../domain/finding.ts';
import { type Instant } from '../domain/time.ts';
import { eventOf } from './explain.ts';

export interface ChoiceFindingsInput {
  readonly refusals: readonly Refusal[];
  /** Whether the whole ledger was folded: then a choice that was not refused is followed. */
  readonly wholeEpoch: boolean;
  /** What was folded, for names. */
  readonly activities: readonly Activity[];
  /** Findings that are open or reopened, and dismissed ones. */
  readonly open: readonly Finding[];
  readonly now: Instant;
}

const WORDS: Readonly<Record<Refusal['reason'], string>> = {
  no_match: 'a lot that was named is not open then',
  insufficient_lots: 'the lots that were named hold less than was closed',
};

export function choiceFindings(input: ChoiceFindingsInput): {
  readonly findings: readonly Finding[];
  readonly events: readonly BookEvent[];
} {
  const { refusals, open, now } = input;
  const openByKey = new Map(open.map((finding) => [finding.key, finding]));
  const wanted = new Map(
    refusals.map((refusal) => [choiceKey(refusal.activityRootId), findingOf(refusal, input)]),
  );
  const findings: Finding[] = [];
  const events: BookEvent[] = [];
  const tell = (kind: BookEvent['kind'], finding: Finding): void => {
    findings.push(finding);
    events.push(eventOf(kind, finding, now));
  };
  for (const finding of wanted.values()) {
    const before = openByKey.get(finding.key);
    if (before === undefined) tell('finding_opened', finding);
    else if (before.observed !== finding.observed && before.state !== 'dismissed')
      tell('finding_changed', { ...finding, state: before.state, firstSeenAt: before.firstSeenAt });
  }
  if (!input.wholeEpoch) return { findings, events };
  for (const finding of open) {
    if (finding.type !== 'choice' || finding.state === 'dismissed' || wanted.has(finding.key)) continue;
    tell('finding_resolved', {
      ...finding,
      state: 'resolved',
      lastSeenAt: now,
      evidence: [
        ...finding.evidence,
        { kind: 'rule', reference: 'choose-lots', text: 'The choice is followed now, or was taken back.' },
      ],
    });
  }
  return { findings, events };
}

function choiceKey(rootId: string): string {
  return `choice:${rootId}`;
}

function findingOf({ activityRootId, reason }: Refusal, { activities, now }: ChoiceFindingsInput): Finding {
  const instrument = activities.find((row) => row.rootId === activityRootId)?.instrument ?? null;
  return {
    key: choiceKey(activityRootId),
    type: 'choice',
    cause: 'unknown',
    confidence: 'certain',
    state: 'open',
    instrument: instrument?.id ?? null,
    symbol: instrument?.symbol ?? null,
    expected: 'the lots that were chosen',
    observed: WORDS[reason],
    firstSeenAt: now,
    lastSeenAt: now,
    evidence: [
      {
        kind: 'activity',
        reference: activityRootId,
        text: `The lots chosen for it could not be followed: ${WORDS[reason]}. The method of the account went on in their place.`,
      },
      { kind: 'rule', reference: 'choose-lots', text: 'Choose again with truebook choose-lots.' },
    ],
  };
}
