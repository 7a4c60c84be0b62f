import { describe, expect, test } from 'vitest';
import { type Finding } from '../../src/domain/finding.ts';
import { explain, type ExplainInput } from '../../src/sync/explain.ts';
import { at } from '../notation.ts';

const NOW = at('2025-08-21 12:00');

const quiet: ExplainInput = {
  differences: [],
  quarantined: [],
  resourcesRead: ['account', 'positions', 'activities'],
  understoodIds: new Set(),
  windowAfter: at('2025-08-20 12:00'),
  withdrawn: [],
  open: [],
  changed: [],
  instruments: new Map(),
  now: NOW,
};

function withdrawn(rootId: string): Finding {
  return explain({ ...quiet, withdrawn: [rootId] }).findings[0]!;
}

describe('an activity that the broker withdrew', () => {
  const fillId = '20250821100553694::f5929bd3-bba0-4a2c-8d53-3b6fbbd2ae4b';

  test.each([
    [`FILL:${fillId}`, fillId],
    ['DIV:20250820000000000::abc:KO:+', '20250820000000000::abc'],
    ['CSD:20250820000000000::abc::+', '20250820000000000::abc'],
  ])('%s is settled when it is listed again', (rootId, id) => {
    const open = [withdrawn(rootId)];
    const again = explain({ ...quiet, open, understoodIds: new Set(['another', id]) });
    expect(again.findings).toMatchObject([{ key: `withdrawn:${rootId}`, state: 'resolved' }]);
    expect(again.events.map((event) => event.kind)).toEqual(['finding_resolved']);
    expect(again.stillOpen).toBe(0);
  });

  test('stays open while only others are listed', () => {
    const open = [withdrawn(`FILL:${fillId}`)];
    const still = explain({ ...quiet, open, understoodIds: new Set([fillId.slice(0, -1), `${fillId}0`]) });
    expect(still).toMatchObject({ findings: [], events: [], stillOpen: 1 });
  });
});
