import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/domain/contentHash.ts';
import { type Finding } from '../../src/domain/finding.ts';
import { type InstrumentId } from '../../src/domain/instrument.ts';
import { type NewRevision } from '../../src/store/store.ts';
import { explanationOf } from '../../src/sync/explanation.ts';
import { activities, at } from '../notation.ts';

const STATED_AT = at('2025-08-20 16:00');

function difference(expected: string, observed: string, instrument: string | null = null): Finding {
  return {
    key: instrument === null ? 'cash:USD' : `position:${instrument}`,
    type: 'difference',
    cause: 'unknown',
    confidence: 'possible',
    state: 'open',
    instrument: instrument as InstrumentId | null,
    symbol: instrument === null ? 'USD' : 'AAPL',
    expected,
    observed,
    firstSeenAt: STATED_AT,
    lastSeenAt: STATED_AT,
    evidence: [],
  };
}

function arrived(text: string, rev = 0): NewRevision[] {
  return activities(text).map((activity) => ({
    ...activity,
    rev,
    firstSeenAt: at('2025-08-21 09:00'),
    contentHash: contentHash(activity),
  }));
}

/** `cause confidence: #ids` */
function why(finding: Finding, changed: readonly NewRevision[]): string {
  const [cause, confidence, evidence] = explanationOf(finding, changed);
  return `${cause} ${confidence}: ${evidence.map((piece) => piece.reference).join(' ')}`;
}

describe('a difference of cash that is gone', () => {
  test('is certainly what adds up to it', () => {
    const deposit = arrived('2025-08-20 10:00 deposit 500 #d');
    expect(why(difference('0', '500'), deposit)).toBe('deposit_withdrawal certain: d');
    expect(why(difference('0', '500.01'), deposit)).toBe('deposit_withdrawal possible: d');
  });

  test('is not explained by a trade made after it was stated, which arrives in the same run', () => {
    const both = arrived(`
      2025-08-20 10:00 deposit 500 #d
      2025-08-20 17:00 sell 1 KO @ 70 #s`);
    expect(why(difference('0', '500'), both)).toBe('deposit_withdrawal certain: d');
    expect(why(difference('0', '570'), both)).toBe('deposit_withdrawal possible: d s');
  });

  test('names the one that fits exactly among several, but not as certain', () => {
    const both = arrived(`
      2025-08-20 10:00 deposit 500 #d
      2025-08-20 11:00 sell 1 KO @ 70 #s`);
    expect(why(difference('0', '500'), both)).toBe('deposit_withdrawal likely: d');
  });

  test('several that do not add up explain nothing', () => {
    const both = arrived(`
      2025-08-20 10:00 deposit 500 #d
      2025-08-20 11:00 sell 1 KO @ 70 #s`);
    expect(why(difference('0', '400'), both)).toBe('unknown possible: d s');
  });

  test('without any activity the broker was late: as likely as it was seen to be', () => {
    const other = arrived('2025-08-20 10:00 transfer 5 KO');
    const seen: Finding = { ...difference('0', '500'), cause: 'stale_source', confidence: 'likely' };
    expect(why(difference('0', '500'), other)).toBe('stale_source possible: positions');
    expect(why(seen, other)).toBe('stale_source likely: positions');
    expect(why({ ...seen, cause: 'rounding' }, other)).toBe('rounding likely: positions');
  });

  test('a day is as good as an instant where the broker states no more', () => {
    expect(why(difference('0', '-3.21'), arrived('2025-08-20 fee 3.21 #f'))).toBe('fee certain: f');
  });
});

describe('a difference of a position that is gone', () => {
  const AAPL = 'equity:AAPL:USD';

  test('is certain only where the quantities are the difference', () => {
    expect(why(difference('10', '0', AAPL), arrived('2025-08-20 10:00 sell 10 AAPL @ 1 #s'))).toBe(
      'missing_fill certain: s',
    );
    expect(why(difference('10', '0', AAPL), arrived('2025-08-20 10:00 sell 3 AAPL @ 1 #s'))).toBe(
      'missing_fill possible: s',
    );
    expect(why(difference('10', '0', AAPL), arrived('2025-08-20 10:00 sell 10 KO @ 1 #s'))).toBe(
      'stale_source possible: positions',
    );
  });

  test('both rows of a split are its explanation', () => {
    expect(why(difference('25', '100', AAPL), arrived('2025-08-20 split AAPL 25 -> 100 #s'))).toBe(
      'split certain: s- s+',
    );
  });

  test('a bust takes back what it had moved; a correction is likely, because what it replaced is not known', () => {
    expect(why(difference('10', '0', AAPL), arrived('2025-08-20 10:00 buy 10 AAPL @ 1 (bust) #b', 1))).toBe(
      'broker_correction certain: b',
    );
    expect(why(difference('10', '12', AAPL), arrived('2025-08-20 10:00 buy 12 AAPL @ 1 #b', 1))).toBe(
      'broker_correction likely: b',
    );
  });
});
