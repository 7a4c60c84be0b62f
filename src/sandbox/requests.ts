/** What was asked of the simulated brokers, in order: the proof that a client only reads. Holds no query and no header, so no secret. */
import { type Instant } from '../domain/time.ts';

export interface LoggedRequest {
  readonly at: Instant;
  readonly broker: string;
  /** Absent where the request named no known credential. */
  readonly account?: string;
  /** An HTTP method, or `WS` for a message on a websocket. */
  readonly method: string;
  readonly host: string;
  /** Path without the query; for `WS` the message's action. */
  readonly path: string;
  /** The query as it was asked, where there was one. */
  readonly query?: string;
}

/** Older requests are forgotten beyond this many. */
const KEPT_MAX = 100_000;

export class RequestLog {
  #requests: LoggedRequest[] = [];

  add(request: LoggedRequest): void {
    this.#requests.push(request);
    // Drop in large pieces, so that the usual case stays one push.
    if (this.#requests.length > KEPT_MAX * 1.1) this.#requests = this.#requests.slice(-KEPT_MAX);
  }

  all(): readonly LoggedRequest[] {
    return this.#requests.slice(-KEPT_MAX);
  }
}
