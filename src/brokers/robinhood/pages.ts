/** Walking lists: where the next page is, and whose rows they are. Pure decisions, each with a name. */

/** Rows asked for per page. Robinhood may give fewer; nothing is concluded from a short page. */
export const PAGE_SIZE = '200';

/** A list longer than this is a loop or a mistake. */
export const PAGES_MAX = 2_000;

/** `end`, a page at the same address with another query, or an address that no token may be sent to. */
export type NextPage =
  | { readonly kind: 'end' }
  | { readonly kind: 'page'; readonly search: string; readonly cursor: string | null }
  | { readonly kind: 'foreign' };

/**
 * Where the broker's `next` leads. It is an absolute address that somebody else wrote: only one with the scheme, host and
 * path that were just asked is followed (robinhood.md 0). `base` is the address in the settings, `path` the list's.
 */
export function nextPage(next: string | null, base: string, path: string): NextPage {
  if (next === null) return { kind: 'end' };
  const asked = `${base.replace(/\/$/, '')}${path}`;
  if (!URL.canParse(next) || !URL.canParse(asked)) return { kind: 'foreign' };
  const [there, here] = [new URL(next), new URL(asked)];
  const isSame =
    there.origin === here.origin &&
    there.pathname === here.pathname &&
    there.username === '' &&
    there.password === '';
  if (!isSame) return { kind: 'foreign' };
  return { kind: 'page', search: there.search.slice(1), cursor: there.searchParams.get('cursor') };
}

/** The account a row belongs to: its own member, or the end of the account's address. Null where it names none. */
export function ownerOf(raw: unknown): string | null {
  if (raw === null || typeof raw !== 'object') return null;
  const row = raw as Readonly<Record<string, unknown>>;
  if (typeof row['account_number'] === 'string' && row['account_number'] !== '') return row['account_number'];
  const address = typeof row['account'] === 'string' ? row['account'] : '';
  return /\/accounts\/([0-9A-Za-z]{4,32})\/?$/.exec(address)?.[1] ?? null;
}

/**
 * How an answer stands to the account that was asked for. The wrong spelling of a filter is silently ignored, and the
 * default account's rows come instead (robinhood.md 0): rows of others alone mean that ours were not asked for at all.
 * Ours among others mean a list of all accounts.
 */
export function judgeOwners(
  owners: readonly (string | null)[],
  account: string,
): 'ours' | 'among_others' | 'foreign' {
  const foreign = owners.filter((owner) => owner !== null && owner !== account).length;
  if (foreign === 0) return 'ours';
  return owners.includes(account) ? 'among_others' : 'foreign';
}
