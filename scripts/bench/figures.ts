/** The figures of the bench: what is measured, in which unit, and what it may be at most. */

export interface Figure {
  readonly name: string;
  readonly database: 'sqlite' | 'postgres' | null;
  readonly value: number;
  readonly unit:
    'ms' | 'rows' | 'statements' | 'bytes' | 'MB' | 'ratio' | 'requests' | 'us/position' | 'per second';
  /** Null: printed for information. */
  readonly limit: number | null;
  /** An aim is printed beside the value and fails nothing. */
  readonly isAim: boolean;
}

export type Tell = (figure: Figure) => void;

/** Whether a figure keeps its limit; null without one. */
export function isMet({ value, limit }: Figure): boolean | null {
  return limit === null ? null : value <= limit;
}

/** One line of JSON, for programs. */
export function jsonLine(figure: Figure): string {
  const { name, database, value, unit, limit, isAim } = figure;
  return JSON.stringify({
    name,
    database,
    value: rounded(value),
    unit,
    limit,
    aim: isAim,
    met: isMet(figure),
  });
}

/** The same for people. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const met = isMet(figure);
    const word = met === null ? '' : met ? 'met' : figure.isAim ? 'above the aim' : 'NOT MET';
    const limit = figure.limit === null ? '' : `${figure.isAim ? 'aim ' : ''}<= ${figure.limit}`;
    return [figure.name, figure.database ?? '-', String(rounded(figure.value)), figure.unit, limit, word];
  });
  const all = [['figure', 'database', 'value', 'unit', 'limit', ''], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
