/** Takes the place of `node:http` and `node:https` for `src/egress/http.ts`. */
import { EventEmitter } from 'node:events';
import { type SimResponse } from '../network.ts';
import { currentProcess } from '../stage.ts';

interface Options {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A request that is sent when it is ended. */
class SimClientRequest extends EventEmitter {
  readonly #url: URL;
  readonly #options: Options;
  readonly #hear: (response: SimResponse) => void;

  constructor(url: URL, options: Options, hear: (response: SimResponse) => void) {
    super();
    this.#url = url;
    this.#options = options;
    this.#hear = hear;
  }

  end(): this {
    const { signal, headers } = this.#options;
    const process = currentProcess();
    let over = false;
    let response: SimResponse | null = null;
    const abort = (): void => {
      const error = new Error('aborted');
      if (response !== null) response.destroy(error);
      else if (!over) this.emit('error', error);
      over = true;
    };
    signal?.addEventListener('abort', abort, { once: true });
    process.around.network.get(process, this.#url, headers, {
      error: (error) => {
        if (!over) this.emit('error', error);
        over = true;
      },
      response: (given) => {
        if (over) {
          given.destroy();
          return;
        }
        response = given;
        this.#hear(given);
      },
    });
    return this;
  }
}

export function request(url: URL, options: Options, hear: (response: SimResponse) => void): SimClientRequest {
  return new SimClientRequest(url, options, hear);
}
