/**
 * Virtual time: a heap of events by (time, order of arrival). One event is taken, run, and everything it set off is
 * waited for before time moves, so a run depends on nothing but its seed.
 */
import { createHash } from 'node:crypto';

interface Entry {
  readonly atMs: number;
  readonly seq: number;
  readonly label: string;
  work: (() => void) | null;
}

export class EventQueue {
  #nowMs = 0;
  #seq = 0;
  #events = 0;
  readonly #heap: Entry[] = [];
  readonly #trace = createHash('sha256');
  readonly #recent: string[] = [];
  readonly #told: ((line: string) => void) | null;

  /** `told` hears of every event, for `--trace`. */
  constructor(told: ((line: string) => void) | null = null) {
    this.#told = told;
  }

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get events(): number {
    return this.#events;
  }

  /** Does `work` when the time comes; the answer takes it back. */
  at(atMs: number, label: string, work: () => void): () => void {
    const entry: Entry = { atMs: Math.max(atMs, this.#nowMs), seq: this.#seq++, label, work };
    push(this.#heap, entry);
    return () => {
      entry.work = null;
    };
  }

  after(ms: number, label: string, work: () => void): () => void {
    return this.at(this.#nowMs + ms, label, work);
  }

  /** Lives until `untilMs`, or until `isOver` says so after an event. `settle` waits for what an event set off. */
  async run(
    untilMs: number,
    settle: () => Promise<void>,
    isOver: () => boolean = () => false,
  ): Promise<void> {
    while (!isOver()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) break;
      pop(this.#heap);
      if (next.work === null) continue;
      this.#nowMs = next.atMs;
      this.#events += 1;
      this.note(next.label);
      next.work();
      await settle();
    }
    if (!isOver()) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Adds a fact to the trace: two runs of one seed must have the same ones in the same order. */
  note(fact: string): void {
    const line = `${this.#nowMs} ${fact}`;
    this.#trace.update(line).update('\n');
    this.#recent.push(line);
    if (this.#recent.length > 400) this.#recent.splice(0, 200);
    this.#told?.(line);
  }

  /** What happened last, oldest first. */
  recent(most: number): readonly string[] {
    return this.#recent.slice(-most);
  }

  traceHash(): string {
    return this.#trace.copy().digest('hex').slice(0, 16);
  }
}

function before(left: Entry, right: Entry): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.seq < right.seq);
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.push(entry) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!before(entry, heap[parent]!)) break;
    heap[index] = heap[parent]!;
    index = parent;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    if (left >= heap.length) break;
    const right = left + 1;
    const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left;
    if (!before(heap[child]!, last)) break;
    heap[index] = heap[child]!;
    index = child;
  }
  heap[index] = last;
}
