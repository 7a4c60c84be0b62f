/** Faults of one answer: what comes back is not the truth, or is nothing at all. */
import { type FaultRow, type Trial } from '../trial.ts';
import { LIVE, PAPER } from '../trialWorld.ts';
import { tradeLong } from './longLedger.ts';
import { moveOf } from './moves.ts';

const RESOURCES = ['account', 'positions', 'activities'] as const;

/** The same fault of each resource in turn, one run each, while trading goes on. */
function eachResource(kind: string, more: object = {}): FaultRow['play'] {
  return async (trial) => {
    for (const [run, resource] of RESOURCES.entries()) {
      trial.world.faultsOff();
      trial.fault(resource, kind, more);
      await trial.cycle('5m', moveOf(run));
    }
  };
}

/** One resource for as many runs as told, while trading goes on. */
function sameResource(
  resource: string | null,
  kind: string,
  runs: number,
  more: object = {},
): FaultRow['play'] {
  return async (trial) => {
    trial.fault(resource, kind, more);
    for (let run = 0; run < runs; run += 1) await trial.cycle('5m', moveOf(run));
  };
}

const times = (count: number, word: string): readonly string[] => Array<string>(count).fill(word);

interface StatusRow {
  readonly status: number;
  readonly code: string;
  readonly catalogue?: readonly string[];
}

const STATUSES: readonly StatusRow[] = [
  { status: 401, code: 'broker_auth' },
  { status: 403, code: 'broker_forbidden' },
  { status: 404, code: 'broker_not_found' },
  { status: 422, code: 'broker_rejected' },
  { status: 500, code: 'broker_fault', catalogue: ['T04'] },
  { status: 502, code: 'broker_fault', catalogue: ['T04'] },
  { status: 503, code: 'broker_fault', catalogue: ['T04'] },
];

const statusRows: readonly FaultRow[] = STATUSES.map(({ status, code, catalogue = [] }) => ({
  id: `status-${status}`,
  name: `${status} for each read in turn`,
  catalogue,
  made: 'the sandbox answers this status',
  ends: times(3, code),
  play: eachResource('status', { status }),
}));

const limitRows: readonly FaultRow[] = [
  {
    id: 'limit-429',
    name: '429 without Retry-After, the reset 60 s away',
    catalogue: ['T03'],
    made: '429 with only the reset of the minute in its headers',
    ends: times(3, 'broker_rate_limit'),
    play: eachResource('status', { status: 429 }),
  },
  {
    id: 'limit-429-short',
    name: '429 with a Retry-After of 7 s, once',
    catalogue: ['T03'],
    made: 'one 429 with Retry-After: 7, which is waited for within the run',
    ends: times(2, 'complete'),
    play: sameResource('positions', 'status', 2, { status: 429, retryAfter: '7', times: 1 }),
  },
  {
    id: 'limit-429-date',
    name: '429 with a Retry-After date two minutes away',
    catalogue: ['T03'],
    made: '429 with Retry-After: a date',
    ends: times(2, 'broker_rate_limit'),
    play: async (trial) => {
      for (const run of [0, 1]) {
        const until = new Date(trial.world.nowMs() + 420_000).toUTCString();
        trial.fault('positions', 'status', { status: 429, retryAfter: until, times: 1 });
        await trial.cycle('5m', moveOf(run));
      }
    },
  },
  {
    id: 'limit-429-absurd',
    name: '429 with a Retry-After of 3 years: believed for 15 minutes at most',
    catalogue: ['T03'],
    made: 'one 429 with Retry-After: 99999999, runs 5 minutes apart',
    // The second and the third run are held back by our own budget: not one request leaves.
    ends: times(3, 'broker_rate_limit'),
    play: sameResource('positions', 'status', 3, { status: 429, retryAfter: '99999999', times: 1 }),
  },
  {
    id: 'limit-429-nonsense',
    name: '429 with a Retry-After that is no time',
    catalogue: ['T03'],
    made: '429 with Retry-After: soon',
    ends: times(2, 'broker_rate_limit'),
    play: sameResource('positions', 'status', 2, { status: 429, retryAfter: 'soon' }),
  },
  {
    id: 'limit-503-wish',
    name: '503 with a Retry-After of an hour',
    catalogue: ['T03', 'T04'],
    made: '503 with Retry-After: 3600',
    ends: times(2, 'broker_fault'),
    play: sameResource('account', 'status', 2, { status: 503, retryAfter: '3600' }),
  },
];

const bodyRows: readonly FaultRow[] = [
  {
    id: 'error-object',
    name: 'an error object with status 200',
    catalogue: ['T09'],
    made: 'the body of a 500 under the status 200',
    ends: times(3, 'broker_bad_answer'),
    play: eachResource('status', { status: 200 }),
  },
  {
    id: 'html-200',
    name: 'a web page with status 200',
    catalogue: ['T05'],
    made: 'a captive portal answers in place of the broker',
    ends: times(3, 'broker_bad_answer'),
    play: eachResource('html'),
  },
  {
    id: 'html-503',
    name: 'a web page with status 503',
    catalogue: ['T04'],
    made: 'the page of a proxy in place of the broker',
    ends: times(3, 'broker_fault'),
    play: eachResource('html', { status: 503 }),
  },
  {
    id: 'truncated-every-offset',
    name: 'a list of positions cut at every byte',
    catalogue: ['T06'],
    made: 'every length of one answer, shorter than the whole, read by the adapter; every 40th by a whole run',
    scenario: 'empty',
    ends: times(12, 'broker_bad_answer'),
    play: cutEverywhere,
  },
  {
    id: 'truncated',
    name: 'each answer cut in its middle, the length agrees',
    catalogue: ['T06'],
    made: 'half of the body, and a Content-Length that says so',
    ends: times(3, 'broker_bad_answer'),
    play: eachResource('truncate'),
  },
  {
    id: 'cut-line',
    name: 'the line breaks in the middle of each answer',
    catalogue: ['T06'],
    made: 'half of the body, then the connection is cut',
    ends: times(3, 'broker_bad_answer'),
    play: eachResource('cut-line'),
  },
  {
    id: 'truncated-first-contact',
    name: 'a first contact with a history that is cut',
    catalogue: ['T06'],
    made: 'half of the body from the very first run on',
    firstContact: true,
    ends: times(2, 'broker_bad_answer'),
    play: sameResource('activities', 'truncate', 2),
  },
  {
    id: 'empty-account',
    name: 'an empty answer for the account',
    catalogue: ['T07'],
    made: '{} with status 200',
    ends: times(3, 'broker_bad_answer'),
    play: sameResource('account', 'empty', 3),
  },
  {
    id: 'empty-positions',
    name: 'an empty list of positions',
    catalogue: ['T07'],
    made: '[] with status 200, one run',
    ends: ['broker_bad_answer'],
    play: sameResource('positions', 'empty', 1),
  },
  {
    id: 'empty-positions-for-hours',
    name: 'an empty list of positions for hours',
    catalogue: ['T07'],
    made: '[] with status 200, a run each half hour',
    // The third equal list is believed: everything is missing then, with its quantity, and nothing is closed.
    ends: ['broker_bad_answer', 'broker_bad_answer', 'complete', 'complete', 'complete'],
    play: async (trial) => {
      trial.fault('positions', 'empty');
      for (let run = 0; run < 5; run += 1) await trial.cycle('30m');
    },
  },
  {
    id: 'empty-activities',
    name: 'an empty list of activities',
    catalogue: ['T07'],
    made: '[] with status 200',
    ends: times(3, 'broker_bad_answer'),
    play: sameResource('activities', 'empty', 3),
  },
  {
    id: 'empty-all',
    name: 'every list empty at once',
    catalogue: ['T07'],
    made: '[] and {} for every request',
    ends: times(3, 'broker_bad_answer'),
    play: sameResource(null, 'empty', 3),
  },
  {
    id: 'empty-first-contact',
    name: 'a first contact with an empty list of positions',
    catalogue: ['T07'],
    made: '[] with status 200 from the very first run on',
    firstContact: true,
    ends: times(2, 'broker_bad_answer'),
    play: sameResource('positions', 'empty', 2),
  },
  {
    id: 'partial-positions',
    name: 'the second half of the positions is left out',
    catalogue: ['T08'],
    made: 'half of the rows with status 200',
    ends: times(2, 'broker_bad_answer'),
    play: sameResource('positions', 'partial', 2),
  },
  {
    id: 'partial-one-position',
    name: 'one position is left out',
    catalogue: ['T08'],
    made: 'all rows but one with status 200',
    ends: times(2, 'broker_bad_answer'),
    play: sameResource('positions', 'partial', 2, { at: 1 }),
  },
  {
    id: 'partial-activities',
    name: 'the older half of the activities is left out',
    catalogue: ['T08'],
    made: 'half of the rows with status 200',
    ends: times(3, 'broker_bad_answer'),
    play: sameResource('activities', 'partial', 3),
  },
  {
    id: 'partial-one-activity',
    name: 'one known activity is left out',
    catalogue: ['T08'],
    made: 'all rows but one with status 200',
    ends: times(3, 'broker_bad_answer'),
    play: sameResource('activities', 'partial', 3, { at: 5 }),
  },
  {
    id: 'partial-first-contact',
    name: 'a first contact with one activity left out',
    catalogue: ['T08'],
    made: 'all rows but one from the very first run on',
    firstContact: true,
    // What the positions say and the history lacks is seen twice before it is believed: here it never is.
    ends: times(2, 'broker_bad_answer'),
    play: sameResource('activities', 'partial', 2, { at: 3 }),
  },
  {
    id: 'short-history',
    name: 'only the last three activities are listed',
    catalogue: ['T08'],
    made: 'three rows with status 200',
    ends: times(3, 'broker_bad_answer'),
    play: sameResource('activities', 'short-history', 3, { at: 3 }),
  },
  {
    id: 'duplicate-rows',
    name: 'every activity is listed twice in one answer',
    catalogue: [],
    made: 'each row two times',
    ends: times(3, 'complete'),
    play: sameResource('activities', 'duplicate', 3),
  },
  {
    id: 'duplicate-positions',
    name: 'every position is listed twice in one answer',
    catalogue: [],
    made: 'each row two times',
    ends: times(2, 'broker_bad_answer'),
    play: sameResource('positions', 'duplicate', 2),
  },
  {
    id: 'reordered',
    name: 'activities out of order',
    catalogue: [],
    made: 'every other row first, the rest backwards',
    ends: times(3, 'complete'),
    play: sameResource('activities', 'reorder', 3),
  },
  {
    id: 'stale-positions',
    name: 'the list of positions lags behind for 15 minutes',
    catalogue: ['T10'],
    made: 'the list as it was when the fault began',
    // What was bought meanwhile is missing in the first run; then the list no longer adds up to the account's totals.
    ends: ['complete', 'broker_bad_answer', 'broker_bad_answer'],
    play: sameResource('positions', 'stale', 3),
  },
  {
    id: 'stale-activities',
    name: 'the list of activities lags behind for 15 minutes',
    catalogue: ['T10', 'T17'],
    made: 'the list as it was when the fault began',
    ends: times(3, 'complete'),
    play: sameResource('activities', 'stale', 3),
  },
  drift('account', times(3, 'complete')),
  // A row is told as not understood; without it the list does not add up to the account's totals, so nothing is believed.
  drift('positions', times(3, 'broker_bad_answer')),
  // The first time it is a known row that nobody can read, which proves the list short; then rows of today.
  drift('activities', ['broker_bad_answer', 'complete', 'complete']),
  drift('orders', times(3, 'complete')),
  {
    id: 'rounded',
    name: 'quantities rounded to two digits',
    catalogue: [],
    made: 'every decimal of the list loses what is behind its second digit',
    ends: times(2, 'complete'),
    play: sameResource('positions', 'rounded', 2),
  },
];

function drift(
  resource: 'account' | 'positions' | 'activities' | 'orders',
  ends: readonly string[],
): FaultRow {
  return {
    id: `schema-drift-${resource}`,
    name: `a shape nobody has seen before: ${resource}`,
    catalogue: ['T16'],
    made: 'a field with another name, another type, an unseen word, one in each run',
    ends,
    play: async (trial) => {
      await sameResource(resource, 'schema-drift', 3, { at: 1 })(trial);
      const told = await trial.process.truebook.store.findings({ types: ['quarantine'] });
      // An order needs few of its fields: what drifts in the others is no matter.
      if (told.length === 0 && resource !== 'orders')
        trial.judge.note(['nobody was told of the row that was not understood']);
    },
  };
}

const identityRows: readonly FaultRow[] = [
  {
    id: 'another-account',
    name: 'the answer of another account for the account',
    catalogue: ['T11'],
    made: 'the other account answers under this key, two runs',
    ends: times(2, 'wrong_account'),
    play: sameResource('account', 'wrong-account', 2),
  },
  {
    id: 'another-accounts-lists',
    name: 'the positions, then the activities of another account',
    catalogue: ['T11'],
    made: 'the other account answers one list under this key',
    ends: times(2, 'broker_bad_answer'),
    play: async (trial) => {
      for (const [run, resource] of ['positions', 'activities'].entries()) {
        trial.world.faultsOff();
        trial.fault(resource, 'wrong-account');
        await trial.cycle('5m', moveOf(run));
      }
    },
  },
  {
    id: 'account-reset',
    name: 'the broker resets the account',
    catalogue: [],
    made: 'new id and number, no history, under the same keys; then a person starts a new epoch',
    ends: ['wrong_account', 'wrong_account', 'account_changed'],
    play: async (trial) => {
      trial.world.control('account', { account: PAPER, action: 'reset' });
      for (let run = 0; run < 3; run += 1) await trial.cycle();
      const told = trial.lastLook?.openFindings.some((finding) => finding.type === 'account_changed');
      if (told !== true) trial.judge.note(['nobody was told that the account changed']);
      await trial.newEpoch();
    },
  },
];

const pageRows: readonly FaultRow[] = [
  {
    id: 'repeated-cursor',
    name: 'the second page is the first one again',
    catalogue: ['T22'],
    made: 'the page token is ignored; a ledger of 230 activities',
    scenario: 'empty',
    ends: times(2, 'broker_bad_answer'),
    play: async (trial) => {
      await fillPages(trial);
      trial.fault('activities', 'repeat-cursor');
      for (const run of [0, 1]) await trial.cycle('5m', moveOf(run === 0 ? 0 : 3));
    },
  },
  {
    id: 'repeated-cursor-first-contact',
    name: 'the second page of a first contact is the first one again',
    catalogue: ['T22'],
    made: 'as above, while the history is read for the first time: no known activity proves it short',
    scenario: 'empty',
    firstContact: true,
    ends: times(2, 'broker_bad_answer'),
    play: async (trial) => {
      tradeLong(trial);
      trial.fault('activities', 'repeat-cursor');
      for (let run = 0; run < 2; run += 1) await trial.cycle();
    },
  },
  {
    id: 'insert-while-paging',
    name: 'fills arrive between two pages',
    catalogue: ['T21'],
    made: 'three fills, each between one page and the next, which then begins with a row of the last',
    scenario: 'empty',
    ends: times(3, 'complete'),
    play: async (trial) => {
      await fillPages(trial);
      trial.fault('activities', 'insert-while-paging');
      for (let run = 0; run < 3; run += 1) await trial.cycle();
    },
  },
  {
    id: 'insert-while-paging-first-contact',
    name: 'fills arrive between two pages of a first contact',
    catalogue: ['T21'],
    made: 'as above, while the history is read for the first time',
    scenario: 'empty',
    firstContact: true,
    ends: times(1, 'complete'),
    play: async (trial) => {
      tradeLong(trial);
      trial.fault('activities', 'insert-while-paging');
      await trial.cycle();
    },
  },
  {
    id: 'partial-page',
    name: 'the second page lacks a row',
    catalogue: ['T08'],
    made: 'all rows of the second page but the fifth; a ledger of 230 activities that is due to be read whole',
    scenario: 'empty',
    ends: times(2, 'broker_bad_answer'),
    play: async (trial) => {
      await fillPages(trial);
      // Rows younger than a day need not be listed everywhere yet.
      trial.world.advance('31h');
      trial.fault('activities', 'partial', { page: 2, at: 4 });
      for (let run = 0; run < 2; run += 1) await trial.cycle();
    },
  },
  {
    id: 'partial-page-first-contact',
    name: 'the second page of a first contact lacks a row',
    catalogue: ['T08'],
    made: 'as above, while the history is read for the first time',
    scenario: 'empty',
    firstContact: true,
    ends: times(2, 'broker_bad_answer'),
    play: async (trial) => {
      tradeLong(trial);
      trial.fault('activities', 'partial', { page: 2, at: 4 });
      for (let run = 0; run < 2; run += 1) await trial.cycle();
    },
  },
  {
    id: 'page-lost',
    name: 'the second page fails in every try',
    catalogue: ['T22'],
    made: 'the first page answers, the one after it is a 500, a page, a cut body',
    scenario: 'empty',
    ends: ['broker_fault', 'broker_bad_answer', 'broker_bad_answer'],
    play: async (trial) => {
      await fillPages(trial);
      for (const kind of ['status', 'html', 'truncate']) {
        trial.world.faultsOff();
        trial.fault('activities', kind, { page: 2 });
        await trial.cycle();
      }
    },
  },
];

/** A healthy book of more than two pages before the fault. */
async function fillPages(trial: Trial): Promise<void> {
  tradeLong(trial);
  await trial.begin();
}

/** The adapter meets each length; the whole story meets some of them. */
async function cutEverywhere(trial: Trial): Promise<void> {
  trial.world.control('trade', { account: PAPER, symbol: 'AAPL', side: 'buy', quantity: '3', price: '230' });
  await trial.begin();
  const { broker } = await trial.process.seat();
  const healthy = await broker.readPositions();
  const body = healthy.evidence.payloads[0]?.body ?? '';
  const length = Buffer.byteLength(body);
  let believed = 0;
  for (let at = 0; at < length; at += 1) {
    // A second each: this many requests within a minute are more than the budget of a key.
    trial.world.advance('1s');
    await trial.process.clock.refresh();
    trial.fault('positions', 'truncate', { at, times: 1 });
    const read = await broker.readPositions();
    if (read.kind === 'complete') believed += 1;
  }
  trial.offsets = length;
  if (believed > 0) trial.judge.note([`${believed} of ${length} short answers were believed`]);
  await trial.judge.look(trial.process);
  for (let at = 0; at < length; at += 40) {
    trial.fault('positions', 'truncate', { at, times: 1 });
    await trial.cycle();
  }
}

const waitRows: readonly FaultRow[] = [
  {
    id: 'timeout',
    name: 'no answer at all',
    catalogue: ['T01'],
    made: 'the request is taken and never answered, for each read in turn',
    ends: times(3, 'broker_timeout'),
    play: async (trial) => {
      trial.process.clock.longWaitMs = 40;
      await eachResource('timeout')(trial);
      trial.process.clock.longWaitMs = null;
    },
  },
  {
    id: 'refused-connection',
    name: 'the connection is refused, for each read in turn',
    catalogue: ['T01'],
    made: 'the line is cut before an answer',
    ends: times(3, 'broker_unreachable'),
    play: eachResource('refuse'),
  },
  {
    id: 'outage-72h',
    name: 'no connection for 72 hours',
    catalogue: ['T01'],
    made: 'every line is cut, a run each hour',
    // After five failures the breaker lets one request through each time.
    ends: [...times(2, 'broker_unreachable'), ...times(70, 'broker_paused')],
    play: async (trial) => {
      trial.fault(null, 'refuse');
      for (let run = 0; run < 72; run += 1)
        await trial.cycle('1h', run % 20 === 0 ? moveOf(run / 20) : undefined);
    },
  },
  {
    id: 'maintenance',
    name: 'an outage at the same hours of every day, for a week',
    catalogue: ['T02'],
    made: '503 from 00:00 to 01:15 New York time; runs at 00:00 just before it, at 01:00, 01:10 and 01:20',
    ends: Array.from({ length: 7 }, () => ['complete', 'broker_fault', 'broker_fault', 'complete']).flat(),
    play: async (trial) => {
      // The healthy run was at 12:01.
      for (let night = 0; night < 7; night += 1) {
        await trial.cycle(night === 0 ? '719m' : '1360m', moveOf(night));
        trial.fault(null, 'status', { status: 503, forMs: 75 * 60_000 });
        await trial.cycle('60m');
        await trial.cycle('10m');
        await trial.cycle('10m');
      }
    },
  },
  {
    id: 'decoration',
    name: 'orders, then quotes of options and coins fail',
    catalogue: ['T04'],
    made: '500 for what decorates the book and proves nothing',
    ends: times(3, 'complete'),
    play: async (trial) => {
      for (const [run, resource] of ['orders', 'options', 'crypto'].entries()) {
        trial.world.faultsOff();
        trial.fault(resource, 'status', { status: 500 });
        await trial.cycle('5m', moveOf(run));
      }
    },
  },
  {
    id: 'other-account-untouched',
    name: 'one account fails, the other goes on',
    catalogue: [],
    made: '500 for the paper account, runs of both',
    ends: times(2, 'broker_fault'),
    play: async (trial) => {
      trial.fault(null, 'status', { status: 500 });
      for (let run = 0; run < 2; run += 1) {
        await trial.cycle('5m', moveOf(run));
        const other = await trial.process.sync(LIVE);
        if (other.run?.outcome !== 'complete') trial.judge.note(['the other account was held up']);
      }
    },
  },
];

export const ANSWER_ROWS: readonly FaultRow[] = [
  ...statusRows,
  ...limitRows,
  ...bodyRows,
  ...identityRows,
  ...pageRows,
  ...waitRows,
];
