/** Who listens to which events in this process. */
import { errorText } from '../domain/errors.ts';
import { type EventKind, type EventOf, type TruebookEvent } from '../hooks/events.ts';
import { type EventListener } from '../hooks/eventTeller.ts';
import { safeLog } from '../hooks/safeLog.ts';

/** `event`: every kind. */
export type ListenedKind = EventKind | 'event';
export type ListenedEvent<Kind extends ListenedKind> = Kind extends EventKind ? EventOf<Kind> : TruebookEvent;

type Listener = (event: TruebookEvent) => unknown;

export class Listeners implements EventListener {
  readonly #all = new Map<string, Set<Listener>>();
  readonly #log: { error(message: string): void };

  constructor(log: { error(message: string): void }) {
    this.#log = safeLog(log);
  }

  /** The answer unsubscribes. */
  on(kind: ListenedKind, listener: Listener): () => void {
    // One of its own for each subscription: the same function may listen twice.
    const own: Listener = (event) => listener(event);
    const set = this.#all.get(kind) ?? new Set();
    this.#all.set(kind, set.add(own));
    return () => void set.delete(own);
  }

  listens(): boolean {
    return [...this.#all.values()].some((set) => set.size > 0);
  }

  /** Calls them one after the other; none is waited for, and what they throw is logged. */
  tell(_account: string, events: readonly TruebookEvent[]): Promise<void> {
    for (const event of events) {
      for (const listener of [...(this.#all.get(event.kind) ?? []), ...(this.#all.get('event') ?? [])]) {
        const told = structuredClone(event);
        const failed = (error: unknown): void =>
          this.#log.error(`A listener of ${event.kind} threw: ${errorText(error).slice(0, 500)}`);
        try {
          // Whatever has a `then` is a promise to its author.
          Promise.resolve(listener(told)).catch(failed);
        } catch (error) {
          failed(error);
        }
      }
    }
    return Promise.resolve();
  }
}
