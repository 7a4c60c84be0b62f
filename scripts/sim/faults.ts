/**
 * The fault kinds, as a table. `strike` happens some times an hour (a Poisson process of the kind's own chance); most
 * begin something that lasts a while. The numbers are those of the reliability catalogue (F01 ... F69).
 */
import type { FaultKind as BrokerFaultKind, FaultResource } from '../../src/sandbox/faults.ts';
import type { Answer } from './brokerage.ts';
import type { Chance } from './chance.ts';
import type { Life } from './life.ts';
import type { DiskTrouble } from './machine/disk.ts';
import type { Delivery, Resource, WireFault } from './network.ts';
import type { StreamTrouble } from './streams.ts';

export interface FaultKind {
  readonly id: string;
  readonly catalogue: string;
  readonly group:
    | 'network'
    | 'answers'
    | 'paging'
    | 'consistency'
    | 'session'
    | 'stream'
    | 'process'
    | 'storage'
    | 'time'
    | 'people';
  readonly says: string;
  /** Expected strikes in an hour, where the seed has it switched on. */
  readonly perHour: number;
  readonly strike: (life: Life, chance: Chance) => void;
}

const MINUTE = 60_000;
const RESOURCES: readonly Resource[] = [
  'account',
  'positions',
  'positions',
  'activities',
  'activities',
  'orders',
];

// ---- the wire ---------------------------------------------------------------------------------------------------

type WireDoes = Partial<Pick<WireFault, 'connect' | 'answer' | 'delayMs'>>;

/** A wire fault that lasts some minutes or some requests. */
function wire(
  id: string,
  catalogue: string,
  says: string,
  does: (chance: Chance) => WireDoes,
  perHour = 0.5,
): FaultKind {
  return {
    id,
    catalogue,
    group: 'network',
    says,
    perHour,
    strike: (life, chance) => {
      const resource = chance.maybe(0.3) ? null : chance.pick(RESOURCES);
      const times = chance.maybe(0.3) ? 1_000 : chance.integer(1, 6);
      const fault: WireFault = {
        kind: id,
        times,
        meets: (request) => resource === null || request.resource === resource,
        ...does(chance),
      };
      life.during(
        chance.integer(1, 25) * MINUTE,
        () => life.world.network.begin(fault),
        () => life.world.network.end(fault),
      );
    },
  };
}

const failing = (code: string) => (): WireDoes => ({ connect: () => code });
const whole = (answer: Answer): Delivery => ({ kind: 'whole', answer });

function status(
  id: string,
  catalogue: string,
  says: string,
  code: number,
  headers: Record<string, string>,
  body: string,
): FaultKind {
  const kind = wire(id, catalogue, says, () => ({
    answer: () =>
      whole({
        status: code,
        headers: { 'content-type': 'application/json', ...headers },
        body: Buffer.from(body),
      }),
  }));
  return { ...kind, group: 'answers' };
}

const PAGE = '<!DOCTYPE html><html><body><h1>Sign in to the network</h1></body></html>';

/** Changes the parsed body of an answer of rows; other answers stay as they are. */
function rewritten(
  id: string,
  catalogue: string,
  says: string,
  change: (rows: Record<string, unknown>[], chance: Chance) => unknown,
  resources: readonly Resource[],
  group: FaultKind['group'] = 'answers',
): FaultKind {
  return {
    id,
    catalogue,
    group,
    says,
    perHour: 0.5,
    strike: (life, chance) => {
      const resource = chance.pick(resources);
      const fault: WireFault = {
        kind: id,
        times: chance.integer(1, 4),
        meets: (request) => request.resource === resource,
        answer: (answer) => {
          if (answer.status !== 200) return whole(answer);
          const rows = parsed(answer.body);
          if (!Array.isArray(rows) || rows.length === 0) return whole(answer);
          const body = Buffer.from(JSON.stringify(change(rows as Record<string, unknown>[], chance)));
          return whole({
            ...answer,
            headers: { ...answer.headers, 'content-length': String(body.length) },
            body,
          });
        },
      };
      life.during(
        chance.integer(2, 30) * MINUTE,
        () => life.world.network.begin(fault),
        () => life.world.network.end(fault),
      );
    },
  };
}

/** What the body says; null where another fault has cut it already. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

const withField = (
  rows: Record<string, unknown>[],
  chance: Chance,
  names: readonly string[],
  value: unknown,
): unknown => {
  // The newest row, which nobody knows yet, as often as all the others.
  const index = chance.maybe(0.5) ? 0 : chance.integer(0, rows.length - 1);
  const name = names.find((one) => rows[index]![one] !== undefined);
  if (name === undefined) return rows;
  return rows.map((row, at) => (at === index ? { ...row, [name]: value } : row));
};

// ---- what the broker gets wrong ---------------------------------------------------------------------------------

/** A fault of the sandbox's own, for some requests or minutes. `lags`: at most one such at a time, see `claimLag`. */
function broker(
  id: string,
  catalogue: string,
  says: string,
  kind: BrokerFaultKind,
  resources: readonly FaultResource[],
  how: {
    readonly group?: FaultKind['group'];
    readonly lags?: boolean;
    readonly lasts?: boolean;
    readonly perHour?: number;
  } = {},
): FaultKind {
  return {
    id,
    catalogue,
    group: how.group ?? 'answers',
    says,
    perHour: how.perHour ?? 0.5,
    strike: (life, chance) => {
      const account = life.anyAccount(chance);
      const minutes = chance.integer(3, 40);
      const resource = chance.pick(resources);
      const at = kind === 'partial' && chance.maybe(0.5) ? chance.integer(0, 3) : null;
      const skewMs = kind === 'clock-skew' ? chance.pick([-18_000_000, -90_000, 90_000, 18_000_000]) : null;
      if (how.lags === true && !life.claimLag(account, minutes * MINUTE)) return;
      // Nor does another account answer for several things at once: before an account is pinned nothing tells that.
      if (kind === 'wrong-account' && !life.claimLag(`${account} answers`, minutes * MINUTE)) return;
      // Whose the account is can be told by its answers alone before it is pinned: three runs in a row are believed, so
      // this lie ends sooner (docs/reliability.md).
      const isIdentity = kind === 'wrong-account' && resource === 'account';
      const lastsLong = !isIdentity && (how.lasts === true || chance.maybe(0.5));
      const times = lastsLong ? null : chance.integer(1, isIdentity ? 2 : 4);
      // Whatever may be at a time of its own ends with its time.
      const limits = {
        times,
        forMs: times === null || how.lags === true || kind === 'wrong-account' ? minutes * MINUTE : null,
      };
      life.watchFault(
        id,
        life.world.brokerage.fault(account, resource, kind, { at: skewMs ?? at, ...limits }),
      );
    },
  };
}

// ---- the rest ---------------------------------------------------------------------------------------------------

function stream(id: StreamTrouble, catalogue: string, says: string): FaultKind {
  return {
    id,
    catalogue,
    group: 'stream',
    says,
    perHour: 0.4,
    strike: (life, chance) => {
      const { streams } = life.world;
      life.during(
        chance.integer(5, 60) * MINUTE,
        () => streams.begin(id),
        () => streams.end(id),
      );
    },
  };
}

function disk(trouble: DiskTrouble, catalogue: string, says: string, mostMinutes: number): FaultKind {
  return {
    id: `disk-${trouble}`,
    catalogue,
    group: 'storage',
    says,
    perHour: 0.4,
    strike: (life, chance) => {
      const { disk: ours } = life.world;
      life.during(
        chance.integer(1, mostMinutes) * MINUTE,
        () => ours.begin(trouble),
        () => ours.end(trouble),
      );
    },
  };
}

function happens(
  id: string,
  catalogue: string,
  group: FaultKind['group'],
  says: string,
  perHour: number,
  strike: FaultKind['strike'],
): FaultKind {
  return { id, catalogue, group, says, perHour, strike };
}

const HOUR = 60 * MINUTE;

export const FAULT_KINDS: readonly FaultKind[] = [
  wire('refused', 'F01', 'the connection is refused', failing('ECONNREFUSED')),
  wire('dns', 'F02', 'the name cannot be resolved', failing('ENOTFOUND')),
  wire('tls', 'F03', 'the certificate has expired', failing('CERT_HAS_EXPIRED')),
  wire('connect-timeout', 'F04', 'nobody answers the connection', failing('silence')),
  wire('no-answer', 'F05', 'the broker acts, its answer never comes', () => ({
    answer: () => ({ kind: 'silence' }),
  })),
  wire('cut-body', 'F06', 'the line breaks in the middle of a body', (chance) => ({
    answer: (answer) => ({
      kind: 'cut',
      answer,
      afterBytes: chance.integer(0, Math.max(0, answer.body.length - 1)),
    }),
  })),
  wire('trickle', 'F07', 'a body trickles in, slowly or beyond every limit', (chance) => ({
    answer: (answer) => ({ kind: 'trickle', answer, forMs: chance.integer(1_000, 40_000) }),
  })),
  wire('slow', 'F07', 'answers take seconds', (chance) => ({ delayMs: () => chance.integer(1_000, 20_000) })),
  status(
    'portal',
    'F08',
    'a captive portal answers 200 with a page',
    200,
    { 'content-type': 'text/html' },
    PAGE,
  ),
  status('wrong-type', 'F09', 'a page that calls itself JSON', 200, {}, PAGE),
  status(
    'packed',
    'F09',
    'an encoding nobody asked for',
    200,
    { 'content-encoding': 'br' },
    'not what it says',
  ),
  status(
    'redirect',
    'F10',
    'a redirect to another host',
    302,
    { location: 'https://elsewhere.example/v2/account' },
    '',
  ),
  status(
    'limit-wait',
    'F11',
    '429 with a Retry-After of seconds',
    429,
    { 'retry-after': '9' },
    '{"code":42910000,"message":"rate limit exceeded"}',
  ),
  status(
    'limit-long',
    'F11',
    '429 with a Retry-After of minutes',
    429,
    { 'retry-after': '240' },
    '{"code":42910000,"message":"rate limit exceeded"}',
  ),
  status(
    'limit-absurd',
    'F12',
    '429 with an absurd Retry-After',
    429,
    { 'retry-after': '123321321' },
    '{"message":"expected available in 123321321 seconds"}',
  ),
  status('error-500', 'F13', '500 with a page', 500, { 'content-type': 'text/html' }, PAGE),
  status('error-502', 'F13', '502 with nothing', 502, {}, ''),
  status('error-503', 'F13', '503 with an object', 503, {}, '{"message":"service unavailable"}'),
  status('error-404', 'F13', '404 for what is there', 404, {}, '{"code":40410000,"message":"not found"}'),
  status(
    'error-object',
    'F15',
    '200 with an error object',
    200,
    {},
    '{"code":50010000,"message":"internal server error"}',
  ),
  broker('truncated', 'F14', 'JSON that ends in its middle', 'truncate', [
    'account',
    'positions',
    'activities',
  ]),
  broker('empty', 'F16', 'an empty list with status 200', 'empty', ['positions', 'activities', 'account'], {
    lags: true,
  }),
  broker(
    'partial',
    'F17',
    'a list that lacks rows, with status 200',
    'partial',
    ['positions', 'activities'],
    { lags: true },
  ),
  broker('short-history', 'F17', 'only the newest activities are listed', 'short-history', ['activities'], {
    lags: true,
  }),
  broker(
    'drift',
    'F18',
    'fields with other names, types and words',
    'schema-drift',
    ['account', 'positions', 'activities', 'orders'],
    { lags: true },
  ),
  broker('rounded', 'F19', 'decimals rounded to two digits', 'rounded', ['positions'], { lags: true }),
  rewritten(
    'exponent',
    'F19',
    'a quantity in scientific notation',
    (rows, chance) => {
      const row = rows[chance.integer(0, rows.length - 1)]!;
      const quantity = Number(row['qty']);
      return withField(rows, chance, ['note'], Number.isFinite(quantity) ? quantity.toExponential() : 'NaN');
    },
    ['positions', 'activities'],
  ),
  rewritten(
    'not-a-number',
    'F19',
    'NaN in place of a quantity',
    (rows, chance) => withField(rows, chance, ['qty'], 'NaN'),
    ['positions', 'activities'],
  ),
  rewritten(
    'null-price',
    'F20',
    'null in place of a price or quantity',
    (rows, chance) => withField(rows, chance, ['price', 'qty', 'net_amount'], null),
    ['positions', 'activities'],
  ),
  broker('inserted', 'F21', 'fills arrive between two pages', 'insert-while-paging', ['activities'], {
    group: 'paging',
    perHour: 1,
  }),
  broker('repeated-page', 'F23', 'the second page is the first once more', 'repeat-cursor', ['activities'], {
    group: 'paging',
    perHour: 1,
  }),
  {
    ...wire(
      'token-expired',
      'F24',
      'a page token is refused in the middle of a walk',
      () => ({
        answer: (answer, request) =>
          request.url.searchParams.has('page_token')
            ? whole({
                status: 422,
                headers: {},
                body: Buffer.from('{"code":42210000,"message":"invalid page_token"}'),
              })
            : whole(answer),
      }),
      1,
    ),
    group: 'paging',
  },
  rewritten(
    'short-page',
    'F25',
    'a page ends early although it is not the last',
    (rows) => rows.slice(0, Math.max(1, rows.length - 7)),
    ['activities'],
    'paging',
  ),
  broker('duplicate', 'F27', 'rows are listed twice in one answer', 'duplicate', ['activities', 'positions']),
  rewritten(
    'page-overlap',
    'F22',
    'the last row of a page comes twice',
    (rows) => [...rows, rows.at(-1)],
    ['activities'],
    'paging',
  ),
  broker('reordered', 'F28', 'activities out of order', 'reorder', ['activities']),
  broker('late', 'F29', 'new activities are withheld', 'late', ['activities'], {
    lags: true,
    group: 'consistency',
  }),
  broker('orders-unknown', 'F34', 'fills without their orders', 'empty', ['orders']),
  broker('positions-lag', 'F36', 'positions lag behind the fills', 'stale', ['positions'], {
    lags: true,
    lasts: true,
    group: 'consistency',
    perHour: 1,
  }),
  broker('activities-lag', 'F37', 'fills lag behind the positions', 'stale', ['activities'], {
    lags: true,
    lasts: true,
    group: 'consistency',
    perHour: 1,
  }),
  broker('account-lags', 'F38', 'figures of the account are minutes old', 'stale', ['account'], {
    lags: true,
    lasts: true,
    group: 'consistency',
  }),
  broker(
    'another-account',
    'F39',
    'another account answers',
    'wrong-account',
    ['account', 'positions', 'activities', 'orders'],
    { group: 'consistency', perHour: 0.8 },
  ),
  broker(
    'expired',
    'F40',
    'the keys are refused in the middle of a run',
    'session-expired',
    ['account', 'positions', 'activities', 'auth'],
    { group: 'session' },
  ),
  happens(
    'new-keys',
    'F40',
    'session',
    'the keys are replaced; agents learn of it when they start again',
    0.15,
    (life, chance) => {
      if (
        life.world.brokerage.play('account', { account: life.anyAccount(chance), action: 'new-keys' }) ===
        null
      )
        return;
      life.count('new-keys');
      life.after(chance.integer(1, 12) * MINUTE, 'new keys are entered', () =>
        life.restartAgents('new keys'),
      );
    },
  ),
  stream('stream-refused', 'F43', 'the stream is refused'),
  stream('stream-lost-frames', 'F44', 'frames are lost while the line lives'),
  stream('stream-half-open', 'F45', 'the line is dead and does not say so'),
  stream('stream-twice', 'F46', 'frames come twice and out of order'),
  stream('stream-late', 'F46', 'frames come minutes late'),
  stream('stream-unauthorized', 'F40', 'the stream refuses the keys'),
  happens('stream-dropped', 'F46', 'stream', 'the broker drops every stream', 1, (life) =>
    life.count('stream-dropped', life.world.streams.dropAll()),
  ),
  happens(
    'kill-at-store',
    'F47',
    'process',
    'a process is killed at a point of the store',
    2.5,
    (life, chance) => life.condemn(chance.integer(1, 160), chance),
  ),
  happens('kill', 'F51', 'process', 'a process is killed where it stands', 1, (life, chance) =>
    life.killSomebody(chance),
  ),
  happens('pause', 'F48', 'process', 'a process stands still for 4 to 12 minutes', 1, (life, chance) =>
    life.pauseSomebody(chance.integer(4, 12) * MINUTE, chance),
  ),
  happens(
    'pause-in-run',
    'F48',
    'process',
    'a process stands still in the middle of a run',
    1.5,
    (life, chance) => life.pauseInRun(chance.integer(70, 900) * 1_000, chance),
  ),
  happens('second-agent', 'F49', 'process', 'a second agent is started', 0.8, (life, chance) =>
    life.secondAgent(chance),
  ),
  happens(
    'reboot',
    'F61',
    'process',
    'a machine is rebooted, sometimes with a clock that forgot the time',
    0.2,
    (life, chance) => {
      life.count('reboot');
      const machine = chance.pick(life.world.machines);
      machine.reboot();
      if (chance.maybe(0.3)) machine.wallOffsetMs = chance.pick([-HOUR, -5 * HOUR]);
    },
  ),
  happens(
    'upgrade',
    'F50',
    'process',
    'agents are stopped and started with another interval',
    0.3,
    (life, chance) => {
      life.world.intervalSeconds = chance.pick([300, 900, 1800]);
      life.forgetReader();
      life.count('upgrade');
      life.restartAgents('other settings');
    },
  ),
  disk('busy', 'F67', 'another program holds the database', 6),
  disk('full', 'F52', 'the disk is full', 20),
  disk('write-error', 'F53', 'a write fails', 10),
  disk('fsync-error', 'F54', 'the flush at COMMIT fails', 10),
  disk('readonly', 'F57', 'the file system can only be read', 15),
  happens(
    'bit-flip',
    'F56',
    'storage',
    'a stored value changes where it lies, at the very end',
    0,
    () => undefined,
  ),
  disk('lost-connection', 'F64', 'the connection to a server breaks at COMMIT', 30),
  happens(
    'database-gone',
    'F58',
    'storage',
    'the database file is moved away and comes back',
    0.2,
    (life, chance) => life.hideDatabase(chance.integer(1, 15) * MINUTE),
  ),
  happens('restored', 'F58', 'storage', 'an older backup of the database is put back', 0.25, (life, chance) =>
    life.restoreBackup(chance.integer(6, 90) * MINUTE),
  ),
  happens('wall-jump', 'F59', 'time', 'the wall clock jumps by hours', 0.5, (life, chance) => {
    life.count('wall-jump');
    life.jump(chance.pick([-5 * HOUR, -HOUR, -7 * MINUTE, 3 * MINUTE, 2 * HOUR, 30 * HOUR]), chance);
  }),
  happens('wall-set-right', 'F59', 'time', 'the wall clock is set right', 0.7, (life) => {
    if (life.world.machines.some((machine) => machine.wallOffsetMs !== 0)) life.count('wall-set-right');
    for (const machine of life.world.machines) machine.wallOffsetMs = 0;
  }),
  happens('wall-drift', 'F60', 'time', 'the wall clock runs fast or slow', 0.2, (life, chance) => {
    life.count('wall-drift');
    chance.pick(life.world.machines).driftPpm = chance.pick([-400, 500, 2_000]);
  }),
  happens(
    'suspend',
    'F61',
    'time',
    'a machine sleeps: the monotonic clock stands still',
    0.3,
    (life, chance) => life.suspend(chance.integer(2, 90) * MINUTE, chance),
  ),
  broker(
    'broker-clock',
    'F63',
    'the broker’s clock is wrong',
    'clock-skew',
    ['account', 'positions', 'activities', 'marketdata'],
    { lasts: true, group: 'time' },
  ),
  happens('sync-now', '', 'people', 'somebody runs a sync', 1, (life, chance) => life.syncNow(chance)),
  happens('resolve', '', 'people', 'somebody settles a finding by hand', 0.5, (life, chance) =>
    life.resolveSomething(chance),
  ),
  happens('announce', '', 'people', 'a bot announces an order', 0.4, (life, chance) =>
    life.announceSomething(chance),
  ),
  happens(
    'reset',
    '',
    'people',
    'the paper account is reset at the broker; a person starts a new epoch',
    0.05,
    (life) => life.resetAccount(),
  ),
];

export function faultKind(id: string): FaultKind | undefined {
  return FAULT_KINDS.find((kind) => kind.id === id);
}
