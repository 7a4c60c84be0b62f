/** Choices of a few things out of some, all of them first, then the larger ones. Pure. */

/** Of more than this many only all together are tried: every one doubles the work. */
const MAX = 10;

/** Every choice but the empty one, the larger before the smaller; of too many only all. */
export function subsets<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  if (rows.length > MAX) return [rows];
  const masks = Array.from({ length: 2 ** rows.length - 1 }, (_, index) => index + 1);
  const choices = masks.map((mask) => rows.filter((_, place) => (mask & (1 << place)) !== 0));
  return choices.sort((one, other) => other.length - one.length);
}
