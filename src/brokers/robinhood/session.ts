/**
 * What the reads need of a login. They neither log in nor refresh: whoever holds the session does, hands out headers and
 * is told when Robinhood refused one.
 */

/** Which of Robinhood's three hosts: brokerage (`api`), coins (`nummus`), the app's own views (`bonfire`). */
export type HostName = 'api' | 'nummus' | 'bonfire';

export interface Refusal {
  /** The header's value as `authorization` gave it. */
  readonly authorization: string;
  readonly host: HostName;
  readonly resource: string;
  /** 401: nobody knows it (any more). 403: it may not read this. */
  readonly status: 401 | 403;
}

export interface RobinhoodSession {
  /**
   * The value of the `Authorization` header for a read, e.g. `Bearer ...`. Which token that is may depend on the resource:
   * a read-only one is not accepted everywhere (robinhood.md 1.1). Throws `broker_auth` where a person must log in first.
   */
  authorization(request: { readonly host: HostName; readonly resource: string }): Promise<string>;
  /** Whether it is worth asking once more, with another header. False ends the read. */
  refused(refusal: Refusal): Promise<boolean>;
  /** Fingerprint for the request budget: one per login, never the login itself. */
  readonly credential: string;
  /** Texts that must never be kept as evidence or shown, as they stand now. */
  secrets(): readonly string[];
}
