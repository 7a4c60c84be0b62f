/** The table of the matrix as docs/reliability.md has it: figures that are the same on every machine, nothing else. */
import { MATRIX } from './matrix.ts';
import { type FaultRow, type RowFigures } from './trial.ts';

export const TABLE_BEGIN = '<!-- faults: written by `npm run faults` -->';
export const TABLE_END = '<!-- faults: end -->';

const HEAD = [
  '| row | fault | how it is made | catalogue | runs | refused | requests | heals after | further figures |',
  '|---|---|---|---|---|---|---|---|---|',
];

/** Where figures differ between the databases both stand there, SQLite first. */
export function faultTable(figures: readonly RowFigures[]): string {
  const lines = MATRIX.map((row) =>
    tableLine(
      row,
      figures.filter((one) => one.id === row.id),
    ),
  );
  return [...HEAD, ...lines, '', ...sums(figures)].join('\n');
}

/** The document with its table replaced. Throws where the marks are not there once each, in their order. */
export function withTable(document: string, table: string): string {
  const [before, rest, ...more] = document.split(TABLE_BEGIN);
  const [, after, ...evenMore] = rest?.split(TABLE_END) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || evenMore.length > 0)
    throw new Error(`the document does not hold "${TABLE_BEGIN}" and "${TABLE_END}" once each`);
  return `${before}${TABLE_BEGIN}\n\n${table}\n\n${TABLE_END}${after}`;
}

function tableLine(row: FaultRow, figures: readonly RowFigures[]): string {
  const both = (tell: (one: RowFigures) => string): string => [...new Set(figures.map(tell))].join(' / ');
  const cells = [
    `\`${row.id}\``,
    row.name,
    row.made,
    row.catalogue.join(' '),
    both((one) => (row.living === true && one.cycles === 0 ? 'an agent' : String(one.cycles))),
    both((one) => String(one.refused)),
    both((one) => (one.requests === null ? 'many' : String(one.requests))),
    both((one) => (one.healedMs === null ? 'never' : duration(one.healedMs))),
    [onlyOn(row), both((one) => furtherFigures(row, one))].filter((text) => text !== '').join('; '),
  ];
  return `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
}

function onlyOn(row: FaultRow): string {
  if (row.databases === undefined) return '';
  return row.databases.map((name) => (name === 'sqlite' ? 'SQLite only' : 'PostgreSQL only')).join(', ');
}

function furtherFigures(row: FaultRow, figures: RowFigures): string {
  const offsets = figures.offsets === null ? [] : [`${figures.offsets} offsets`];
  const own = Object.entries(figures.more).map(([name, value]) => {
    const most = row.limits?.[name];
    // How long a living agent takes depends on the machine; that it stays within its limit does not.
    return most === undefined || most === 0 ? `${value} ${name}` : `at most ${most} ${name}`;
  });
  return [...offsets, ...own].join(', ');
}

function sums(figures: readonly RowFigures[]): string[] {
  const still = figures.filter((one) => one.requests !== null);
  const sum = (tell: (one: RowFigures) => number): number =>
    still.reduce((total, one) => total + tell(one), 0);
  return [
    `${MATRIX.length} rows, ${figures.length} trials on the two databases; without those in which an agent lives: ` +
      `${sum((one) => one.cycles)} runs under a fault, ${sum((one) => one.refused)} of them refused, ` +
      `${sum((one) => one.requests ?? 0)} requests, ${sum((one) => one.offsets ?? 0)} byte offsets, ` +
      `${sum((one) => one.looks)} looks of the judge.`,
  ];
}

/** `5 min`, `1 d`: whole units only, as the matrix waits. */
function duration(ms: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  const fitting = units.find(([, size]) => ms >= size && ms % size === 0);
  return fitting === undefined ? `${ms} ms` : `${ms / fitting[1]} ${fitting[0]}`;
}
