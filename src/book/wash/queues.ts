/** The two orders of the regulation as structures: the next loss, and the replacements that are still free. */
import { comparePlaces, type Piece } from './pieces.ts';

/** A binary heap: the earliest loss first. A loss that grows while it waits keeps its place. */
export class LossQueue {
  readonly #heap: Piece[] = [];

  add(piece: Piece): void {
    piece.queued = true;
    const heap = this.#heap;
    let place = heap.push(piece) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!earlier(heap[place]!, heap[parent]!)) break;
      [heap[place], heap[parent]] = [heap[parent]!, heap[place]!];
      place = parent;
    }
  }

  take(): Piece | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    const heap = this.#heap;
    for (let place = 0; ;) {
      let least = place;
      for (const child of [2 * place + 1, 2 * place + 2]) {
        if (child < heap.length && earlier(heap[child]!, heap[least]!)) least = child;
      }
      if (least === place) return;
      [heap[place], heap[least]] = [heap[least]!, heap[place]!];
      place = least;
    }
  }
}

function earlier(left: Piece, right: Piece): boolean {
  if (left.lossRank !== right.lossRank) return left.lossRank < right.lossRank;
  return comparePlaces(left, right) < 0;
}

/** Where a piece stands in one list. */
export interface ListPlace {
  readonly piece: Piece;
  previous: ListPlace | null;
  next: ListPlace | null;
  listed: boolean;
}

/** What can replace one security, by acquisition. Linked, so that what is used up is never looked at again. */
export class ReplacementList {
  first: ListPlace | null = null;

  /** `give` hears the place of each piece. */
  constructor(pieces: readonly Piece[], give: (piece: Piece, place: ListPlace) => void) {
    const ordered = [...pieces].sort(
      (left, right) => left.replacementRank - right.replacementRank || comparePlaces(left, right),
    );
    let last: ListPlace | null = null;
    for (const piece of ordered) {
      last = linkBehind(last, piece);
      this.first ??= last;
      give(piece, last);
    }
  }

  drop(place: ListPlace): void {
    place.listed = false;
    if (place.previous === null) this.first = place.next;
    else place.previous.next = place.next;
    if (place.next !== null) place.next.previous = place.previous;
  }
}

/** Puts what was left of `piece` behind it, in each list, and behind what nothing else tells apart from it but has an
 * earlier place. */
export function listBehind(rest: Piece, piece: Piece): void {
  rest.place = restBehind(rest, piece.place);
  rest.placeAsCall = restBehind(rest, piece.placeAsCall);
}

function restBehind(rest: Piece, place: ListPlace | null): ListPlace | null {
  if (place === null || !place.listed) return null;
  let before = place;
  while (before.next !== null && isBefore(before.next.piece, rest)) before = before.next;
  return linkBehind(before, rest);
}

function isBefore(piece: Piece, rest: Piece): boolean {
  return piece.replacementRank === rest.replacementRank && comparePlaces(piece, rest) < 0;
}

function linkBehind(previous: ListPlace | null, piece: Piece): ListPlace {
  const next = previous?.next ?? null;
  const place: ListPlace = { piece, previous, next, listed: true };
  if (previous !== null) previous.next = place;
  if (next !== null) next.previous = place;
  return place;
}
