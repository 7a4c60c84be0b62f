/** Calls under way: nothing is closed beneath them. */
export class RunningCalls {
  readonly #running = new Set<Promise<unknown>>();

  /** Answers the same promise; whoever closes waits for it. */
  track<Value>(call: Promise<Value>): Promise<Value> {
    this.#running.add(call);
    const done = (): void => void this.#running.delete(call);
    call.then(done, done);
    return call;
  }

  /** Resolves when none is left, those begun meanwhile included. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running]);
  }
}
