/** The demo's live view as lines of text: pure, so that a test can read it. */
import { type Config } from '../config/load.ts';
import { type CycleReport } from '../sync/agent.ts';
import { type EventRecord, type PositionRecord } from '../sync/records.ts';
import { type DemoFacts } from './demoFacts.ts';
import { stateWords } from './positions.ts';
import { ageText, moment, money, rounded, shown, tableLines, type Column } from './print.ts';

export interface Around {
  readonly controlUrl: string;
  readonly config: Pick<Config, 'database' | 'settings'>;
  readonly lastLines: readonly string[];
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Below these, a terminal shows less of everything: fewer columns, one example, one line of the log. */
const SMALL_ROWS = 40;
const SMALL_COLUMNS = 110;

/** Lines that stay whole however narrow the terminal is: somebody will copy them. */
function isToCopy(line: string): boolean {
  return line.startsWith('curl ');
}

/** The whole view, fitted to the terminal: positions give way first, then events. */
export function viewLines(facts: DemoFacts, around: Around, size: TerminalSize): string[] {
  const head = [
    'TRUEBOOK DEMO   simulated brokers, real HTTP and websocket   Ctrl+C ends it',
    '',
    ...accountLines(facts),
  ];
  const positions = ['', ...positionLines(facts.positions, size)];
  const events = ['', 'LAST EVENTS', ...eventLines(facts.events)];
  const small = size.rows < SMALL_ROWS;
  const play = introduction(around.controlUrl, exampleOf(facts), around.config);
  const foot = [
    '',
    ...(small ? play.slice(0, 2) : play),
    '',
    ...around.lastLines.slice(small ? -1 : 0).map(shown),
  ];
  const height = (lines: readonly string[]): number =>
    lines.reduce(
      (sum, line) => sum + (isToCopy(line) ? Math.max(1, Math.ceil(line.length / size.columns)) : 1),
      0,
    );
  const room = Math.max(0, size.rows - height(head) - height(foot));
  const eventRoom = Math.min(events.length, Math.max(0, room - positions.length), 12);
  const forEvents = eventRoom < 3 ? Math.min(5, Math.floor(room / 2)) : eventRoom;
  const all = [...head, ...cut(positions, room - forEvents), ...cut(events, forEvents), ...foot];
  return fit(all, size, height);
}

function cut(lines: readonly string[], room: number): string[] {
  if (lines.length <= room) return [...lines];
  if (room < 3) return [];
  return [...lines.slice(0, room - 1), `... and ${lines.length - room + 1} more`];
}

/** A terminal that scrolled could not be redrawn in place. */
function fit(
  lines: readonly string[],
  size: TerminalSize,
  height: (lines: readonly string[]) => number,
): string[] {
  const kept = lines.map((line) => (isToCopy(line) ? line : [...line].slice(0, size.columns).join('')));
  while (kept.length > 1 && height(kept) > size.rows) kept.pop();
  return kept;
}

function accountLines({ status, balances, streams }: DemoFacts): string[] {
  const rows = status.accounts.map((account) => ({
    ...account,
    balance: balances.find((row) => row.account === account.account) ?? null,
    stream: streams.get(account.account)?.state ?? '-',
  }));
  if (rows.length === 0) return ['The first run is on its way ...'];
  return tableLines(rows, [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'EQUITY', align: 'decimal', cell: (row) => money(row.balance?.equity ?? null) },
    { title: 'CASH', align: 'decimal', cell: (row) => money(row.balance?.cash ?? null) },
    { title: 'AGE', align: 'right', cell: (row) => ageText(row.age) },
    { title: 'STREAM', cell: (row) => row.stream },
    { title: 'FINDINGS', align: 'right', cell: (row) => String(row.openFindings) },
    { title: 'FRESH', cell: (row) => (row.fresh ? 'yes' : `NO: ${row.why ?? 'unknown'}`) },
  ]);
}

function positionLines(positions: readonly PositionRecord[], { columns }: TerminalSize): string[] {
  if (positions.length === 0) return ['No positions yet.'];
  const prices: Column<PositionRecord>[] = [
    { title: 'AVERAGE', align: 'decimal', cell: (row) => rounded(row.averageCost, 4) },
    { title: 'MARK', align: 'decimal', cell: (row) => rounded(row.mark, 4) },
  ];
  return tableLines(positions, [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => row.quantity },
    ...(columns < SMALL_COLUMNS ? [] : prices),
    { title: 'MARKET VALUE', align: 'decimal', cell: (row) => money(row.marketValue) },
    { title: 'UNREALIZED', align: 'decimal', cell: (row) => money(row.unrealizedPnl) },
    { title: 'STATE', cell: (row) => stateWords(row) },
  ]);
}

function eventLines(events: readonly EventRecord[]): string[] {
  if (events.length === 0) return ['nothing has happened yet'];
  return tableLines(events, [
    { title: 'SEEN', cell: (row) => moment(row.firstSeenAt) },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'EVENT', cell: (row) => row.kind },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'FACTS', cell: (row) => factWords(row) },
  ]).slice(1);
}

/** Long ids and what another column says already. */
const NOT_SHOWN: readonly string[] = ['activity', 'account', 'instrument'];

function factWords({ facts }: EventRecord): string {
  return Object.entries(facts)
    .flatMap(([name, value]) => (value === null || NOT_SHOWN.includes(name) ? [] : [`${name} ${value}`]))
    .join(', ');
}

interface Example {
  readonly account: string;
  readonly symbol: string;
  readonly price: string;
}

/** A stock that is held, for examples that do something visible. */
function exampleOf({ positions, status }: DemoFacts): Example | null {
  const paper = status.accounts.find((row) => row.env === 'paper')?.account;
  const stocks = positions.filter((row) => row.kind === 'equity' && row.mark !== null);
  const stock = stocks.find((row) => row.account === paper) ?? stocks[0];
  if (stock === undefined || stock.mark === null) return null;
  return { account: stock.account, symbol: stock.symbol, price: rounded(stock.mark, 2) ?? '100' };
}

/** Where the control API is and what can be tried with it. */
export function introduction(
  controlUrl: string,
  example: Example | null,
  { database, settings }: Around['config'],
): string[] {
  const { account, symbol, price } = example ?? { account: 'alpaca-paper', symbol: 'AAPL', price: '200' };
  const post = (path: string, body: object): string =>
    `curl -X POST ${controlUrl}/control/${path} -d '${JSON.stringify(body)}'`;
  return [
    `Play broker at ${controlUrl} (database ${database.shown}, log ${settings.LOG_FILE}):`,
    post('trade', { account, symbol, side: 'buy', quantity: '5', price }),
    post('cash', { account, kind: 'deposit', amount: '1000' }),
    post('fault', { broker: 'alpaca', account, kind: 'status', status: 503, forMs: 20_000 }),
  ];
}

/** One plain line per cycle where there is no terminal. */
export function cycleLine(
  { number, durationMs }: CycleReport,
  { status, balances, positions }: DemoFacts,
): string {
  const accounts = status.accounts.map(({ account, fresh, why, openFindings }) => {
    const equity = money(balances.find((row) => row.account === account)?.equity ?? null) ?? 'unknown';
    const count = positions.filter((row) => row.account === account).length;
    const state = fresh ? 'fresh' : `NOT fresh (${why ?? 'unknown'})`;
    return `${account} ${state}, ${count} positions, equity ${equity}, ${openFindings} findings`;
  });
  return `cycle ${number} (${Math.round(durationMs)} ms): ${accounts.join('; ')}`;
}
