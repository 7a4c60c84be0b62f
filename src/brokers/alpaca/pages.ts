/** Walking the pages of activities. Pure decisions, kept apart so that each way a walk can go wrong has a name. */

/** Rows per page: the most Alpaca gives (alpaca.md 5.1). */
export const PAGE_SIZE = 100;

export type Direction = 'asc' | 'desc';

export interface PageRow {
  /** The wire's id, null when the row has none. */
  readonly id: string | null;
  /** Tells rows apart that share an id (assignment and its stock leg). */
  readonly key: string;
}

/**
 * The token for the next page: the last id but one, so that rows which share the last id are never cut apart by a
 * page's end. On a page out of order it is no outermost id: then more rows come again, and still nothing is lost.
 * Null when no row has an id.
 */
export function nextToken(rows: readonly PageRow[]): string | null {
  const ids = rows.flatMap((row) => (row.id === null ? [] : [row.id]));
  const distinct = [...new Set(ids)];
  return distinct.at(-2) ?? distinct.at(-1) ?? null;
}

/**
 * What a page says about the end of the walk: `more` (full), `short` (new rows, but not full), `end` (nothing new), or
 * `repeated` (nothing new and not what was asked for). `seen` holds the keys of earlier pages, `token` what it was asked with.
 */
export function judgePage(
  rows: readonly PageRow[],
  seen: ReadonlySet<string>,
  token: string | null,
  direction: Direction,
): 'more' | 'short' | 'end' | 'repeated' {
  if (rows.length === 0) return 'end';
  if (rows.some((row) => !seen.has(row.key))) return rows.length < PAGE_SIZE ? 'short' : 'more';
  const ignoredToken =
    token !== null && rows.some((row) => row.id !== null && isBefore(row.id, token, direction));
  return ignoredToken || rows.length >= PAGE_SIZE ? 'repeated' : 'end';
}

/** Whether `id` comes earlier than `other` on the way: ids sort by New York time, then by uuid (alpaca.md 5.3). */
function isBefore(id: string, other: string, direction: Direction): boolean {
  return direction === 'asc' ? id < other : id > other;
}
