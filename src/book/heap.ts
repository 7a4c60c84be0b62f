/** A binary heap: the first by an order, in logarithmic time. */

export interface Heap<Item> {
  readonly items: Item[];
  readonly isBefore: (left: Item, right: Item) => boolean;
}

export function heapOf<Item>(items: Item[], isBefore: Heap<Item>['isBefore']): Heap<Item> {
  const heap = { items, isBefore };
  for (let place = (items.length >> 1) - 1; place >= 0; place -= 1) sink(heap, place);
  return heap;
}

export function peek<Item>(heap: Heap<Item>): Item | undefined {
  return heap.items[0];
}

export function push<Item>({ items, isBefore }: Heap<Item>, item: Item): void {
  let place = items.length;
  items.push(item);
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (!isBefore(item, items[parent]!)) break;
    items[place] = items[parent]!;
    place = parent;
  }
  items[place] = item;
}

/** Takes the first one out. */
export function pop<Item>(heap: Heap<Item>): Item | undefined {
  const { items } = heap;
  const first = items[0];
  const moved = items.pop();
  if (items.length > 0 && moved !== undefined) {
    items[0] = moved;
    sink(heap, 0);
  }
  return first;
}

function sink<Item>({ items, isBefore }: Heap<Item>, from: number): void {
  const item = items[from]!;
  let place = from;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= items.length) break;
    if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child += 1;
    if (!isBefore(items[child]!, item)) break;
    items[place] = items[child]!;
    place = child;
  }
  items[place] = item;
}
