/** Reading a list to its end: pages, loops, and whose rows they are. */
import { isTruebookError } from '../../domain/errors.ts';
import { type ExactJson } from '../../domain/json.ts';
import { judgeOwners, nextPage, ownerOf, PAGES_MAX } from './pages.ts';
import { type Query, type Reading } from './reading.ts';
import { type HostName } from './session.ts';
import { wireList } from './wire.ts';

/** The account whose rows are wanted. */
export interface Owner {
  readonly accountNumber: string;
  /** Rows that name no account are the default account's. */
  readonly isDefault: boolean;
}

export interface ListQuestion {
  readonly resource: string;
  readonly host: HostName;
  readonly path: string;
  readonly query: Query;
  /**
   * `filtered`: the query names the account, so rows of others alone mean that it was not understood. `every`: the list
   * has no such filter and holds the rows of all accounts. Null: the rows belong to nobody (market data).
   */
  readonly rows: 'filtered' | 'every' | null;
}

export interface ListRow {
  readonly raw: ExactJson;
  /** `orders[17]`, counted over all pages of this read. */
  readonly path: string;
  readonly sha256: string;
}

export interface ListEnd {
  readonly rows: readonly ListRow[];
  /** Where to go on, null at the end of the list. */
  readonly cursor: string | null;
  readonly pages: number;
}

export interface ListLimits {
  readonly pagesMax?: number;
  readonly cursor?: string | null;
  /** Whether nothing that is wanted can come behind this page: asked of each page's rows. */
  readonly isPast?: (raws: readonly ExactJson[]) => boolean;
  /** A 404 is an empty list, told in quarantine: a part of the private API that is gone must not end everything. */
  readonly mayBeGone?: boolean;
}

/** The rows of a list that are this account's. Throws what `Reading.get` throws, `page_repeated`, `wrong_account` and more. */
export async function readList<Rows>(
  reading: Reading<Rows>,
  question: ListQuestion,
  owner: Owner | null,
  limits: ListLimits = {},
): Promise<ListEnd> {
  const { resource, host, path } = question;
  const rows: ListRow[] = [];
  const asked = new Set<string>();
  let cursor = limits.cursor ?? null;
  let query: Query | string = cursor === null ? question.query : { ...question.query, cursor };
  const pagesMax = limits.pagesMax ?? PAGES_MAX;
  for (let pages = 1; ; pages += 1) {
    const answer =
      limits.mayBeGone === true && pages === 1
        ? await reading.find(resource, host, path, query)
        : await reading.get(resource, host, path, query);
    if (answer === null) {
      reading.quarantine(
        resource,
        { path: resource, reason: 'Robinhood no longer has this list (404)' },
        null,
        null,
      );
      return { rows: [], cursor: null, pages };
    }
    const { raws, next } = pageOf(reading, resource, answer.json);
    for (const raw of raws) rows.push({ raw, path: `${resource}[${rows.length}]`, sha256: answer.sha256 });
    const to = nextPage(next, reading.base(host), path);
    if (to.kind === 'foreign')
      reading.fail('foreign_next', `Robinhood's answer for ${resource} goes on at another address.`);
    const isEnd = to.kind === 'end' || limits.isPast?.(raws) === true;
    if (isEnd) return { rows: ownRows(reading, question, rows, owner), cursor: null, pages };
    if (asked.has(to.search))
      reading.fail('page_repeated', `Robinhood's pages of ${resource} go round in a circle.`);
    asked.add(to.search);
    cursor = to.cursor;
    query = to.search;
    if (pages < pagesMax) continue;
    if (limits.pagesMax === undefined || cursor === null)
      reading.fail('page_limit', `The list of ${resource} did not end within ${pagesMax} pages.`);
    return { rows: ownRows(reading, question, rows, owner), cursor, pages };
  }
}

function pageOf<Rows>(
  reading: Reading<Rows>,
  resource: string,
  json: ExactJson,
): { raws: readonly ExactJson[]; next: string | null } {
  const parsed = wireList.safeParse(json);
  if (parsed.success) return { raws: parsed.data.results as readonly ExactJson[], next: parsed.data.next };
  const isError = json !== null && typeof json === 'object' && ('detail' in json || 'error' in json);
  return reading.fail(
    isError ? 'error_object' : 'not_a_list',
    `Robinhood's answer for ${resource} is not a list.`,
  );
}

function ownRows<Rows>(
  reading: Reading<Rows>,
  { resource, rows: kind }: ListQuestion,
  rows: readonly ListRow[],
  owner: Owner | null,
): readonly ListRow[] {
  if (kind === null || owner === null) return rows;
  const owners = rows.map((row) => ownerOf(row.raw));
  if (kind === 'filtered' && judgeOwners(owners, owner.accountNumber) === 'foreign') {
    reading.fail('wrong_account', `Robinhood's answer for ${resource} is about another account.`);
  }
  return rows.filter((_row, index) => {
    const of = owners[index] ?? null;
    return of === owner.accountNumber || (of === null && (kind === 'filtered' || owner.isDefault));
  });
}

/**
 * Market data: what a book can do without. Null where the broker has a fault or cannot be reached just then, so that the
 * positions themselves are still known; a refused login and a stop end the read as always.
 */
export async function orNull<Value>(work: () => Promise<Value>): Promise<Value | null> {
  try {
    return await work();
  } catch (error) {
    if (isTruebookError(error, ...PASSING)) return null;
    throw error;
  }
}

const PASSING = [
  'broker_fault',
  'broker_timeout',
  'broker_unreachable',
  'broker_paused',
  'broker_rate_limit',
  'broker_bad_answer',
] as const;

/** In pieces of at most `size`. */
export function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}
