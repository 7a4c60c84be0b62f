import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decide,
  GATE_REASONS,
  NOTHING_KNOWN,
  type GateFacts,
  type GateReason,
} from '../../src/gate/decide.ts';

/** Nothing speaks against acting. */
const GOOD: GateFacts = {
  wrongAccount: false,
  enabled: true,
  everSynced: true,
  lastRunComplete: true,
  verified: true,
  ageSeconds: 5,
  maxAgeSeconds: 360,
  reconciled: true,
  missing: [],
  unexplained: [],
  doubt: null,
};

/** Each trouble alone, and what it must be called. */
const TROUBLES: Readonly<Record<Exclude<GateReason, 'unknown'>, Partial<GateFacts>>> = {
  wrong_account: { wrongAccount: true },
  sync_disabled: { enabled: false },
  never_synced: { everSynced: false, ageSeconds: null, verified: null, reconciled: null },
  sync_failed: { lastRunComplete: false },
  unverified: { verified: false },
  stale: { ageSeconds: 361 },
  unreconciled: { reconciled: false },
  missing: { missing: ['AAPL'] },
  unexplained: { unexplained: ['SPY250822C00635000'] },
  not_fresh: { doubt: 'clock_before_data: set it right' },
};

const KNOWABLE = Object.keys(NOTHING_KNOWN) as (keyof typeof NOTHING_KNOWN)[];

describe('the verdict', () => {
  it('is open without a doubt', () => {
    for (const onSyncFailure of ['deny', 'caution'] as const)
      expect(decide(GOOD, { onSyncFailure })).toEqual({ ok: true, caution: false, reasons: [], details: [] });
  });

  it('has a trouble to test for every reason', () => {
    expect([...Object.keys(TROUBLES), 'unknown'].sort()).toEqual([...GATE_REASONS].sort());
  });

  it.each(Object.entries(TROUBLES))('is closed by %s alone, with a sentence', (reason, trouble) => {
    const verdict = decide({ ...GOOD, ...trouble }, { onSyncFailure: 'deny' });
    expect(verdict).toMatchObject({ ok: false, caution: false, reasons: [reason] });
    expect(verdict.details).toHaveLength(1);
    expect(verdict.details[0]).toMatch(/^[A-Z].*\.$/);
  });

  it.each(Object.entries(TROUBLES))('is softened by caution only for sync_failed: %s', (reason, trouble) => {
    const verdict = decide({ ...GOOD, ...trouble }, { onSyncFailure: 'caution' });
    const isSoft = reason === 'sync_failed';
    expect(verdict).toMatchObject({ ok: isSoft, caution: isSoft, reasons: [reason] });
  });

  it.each(KNOWABLE)('is closed while %s is not known', (name) => {
    for (const onSyncFailure of ['deny', 'caution'] as const) {
      const verdict = decide({ ...GOOD, [name]: null }, { onSyncFailure });
      expect(verdict).toMatchObject({ ok: false, reasons: ['unknown'] });
    }
  });

  it.each([
    [0, true],
    [360, true],
    [361, false],
    [Number.NaN, false],
  ])('at an age of %s s of at most 360 is ok: %s', (ageSeconds, ok) => {
    expect(decide({ ...GOOD, ageSeconds }, { onSyncFailure: 'deny' }).ok).toBe(ok);
  });

  it('names what is missing, a few of many', () => {
    const many = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];
    const { details } = decide({ ...GOOD, missing: many }, { onSyncFailure: 'deny' });
    expect(details).toEqual(['Missing at the broker: A, B, C, D, E and 2 more.']);
  });
});

const facts: fc.Arbitrary<GateFacts> = fc.record({
  wrongAccount: fc.constantFrom(true, false, null),
  enabled: fc.constantFrom(true, false, null),
  everSynced: fc.constantFrom(true, false, null),
  lastRunComplete: fc.constantFrom(true, false, null),
  verified: fc.constantFrom(true, false, null),
  ageSeconds: fc.option(fc.integer({ min: 0, max: 1000 })),
  maxAgeSeconds: fc.integer({ min: 1, max: 1000 }),
  reconciled: fc.constantFrom(true, false, null),
  missing: fc.option(fc.array(fc.constantFrom('AAPL', 'KO'), { maxLength: 2 })),
  unexplained: fc.option(fc.array(fc.constantFrom('AAPL', 'KO'), { maxLength: 2 })),
  doubt: fc.constantFrom(null, 'a doubt'),
});
const policy = fc.record({ onSyncFailure: fc.constantFrom('deny' as const, 'caution' as const) });
const worse = fc.constantFrom<Partial<GateFacts>>(
  ...Object.values(TROUBLES),
  ...KNOWABLE.map((name) => ({ [name]: null })),
);

/** The facts with a trouble more. What is not known stays unknown, which is worse than any trouble. */
function worsened(given: GateFacts, trouble: Partial<GateFacts>): GateFacts {
  const changed = Object.entries(trouble).map(([name, value]) => {
    const had = given[name as keyof GateFacts];
    // The one fact of which null is the best.
    if (name === 'doubt') return [name, value];
    if (had === null || value === null) return [name, null];
    if (Array.isArray(had)) return [name, [...(had as string[]), ...(value as string[])]];
    if (typeof had === 'number') return [name, Math.max(had, value as number, given.maxAgeSeconds + 1)];
    return [name, value];
  });
  return { ...given, ...Object.fromEntries(changed) } as GateFacts;
}

describe('for all facts', () => {
  it('another trouble or another unknown never opens the gate nor lifts a caution', () => {
    fc.assert(
      fc.property(facts, worse, policy, (given, trouble, rule) => {
        const before = decide(given, rule);
        const after = decide(worsened(given, trouble), rule);
        if (after.ok) expect(before.ok).toBe(true);
        if (after.ok && before.caution) expect(after.caution).toBe(true);
      }),
    );
  });

  it('a doubt of the book about itself closes it, and is told where nothing else tells it', () => {
    fc.assert(
      fc.property(facts, policy, (given, rule) => {
        const verdict = decide({ ...given, everSynced: true, doubt: 'clock_before_data' }, rule);
        expect(verdict.ok).toBe(false);
        expect(verdict.reasons.some((reason) => reason !== 'sync_failed')).toBe(true);
      }),
    );
  });

  it('a smaller allowed age never opens it', () => {
    fc.assert(
      fc.property(facts, fc.integer({ min: 1, max: 1000 }), policy, (given, less, rule) => {
        const maxAgeSeconds = Math.min(given.maxAgeSeconds, less);
        if (decide({ ...given, maxAgeSeconds }, rule).ok) expect(decide(given, rule).ok).toBe(true);
      }),
    );
  });

  it('deny is never more open than caution, and a closed gate says why', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const deny = decide(given, { onSyncFailure: 'deny' });
        const caution = decide(given, { onSyncFailure: 'caution' });
        expect(deny.ok && !caution.ok).toBe(false);
        expect(deny.ok).toBe(deny.reasons.length === 0);
        for (const verdict of [deny, caution]) expect(verdict.details).toHaveLength(verdict.reasons.length);
      }),
    );
  });
});
