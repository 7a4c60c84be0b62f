/**
 * One logical read: the requests it made, what they answered, what could not be understood - and the only place that
 * builds `complete`. Whatever goes wrong on the way ends as `incomplete` with a word and an error, never as an empty list.
 */
import { createHash } from 'node:crypto';
import { isTruebookError, TruebookError } from '../../domain/errors.ts';
import { type ExactJson, parseExactJson } from '../../domain/json.ts';
import { type Payload, type QuarantinedRow, type Read } from '../../domain/snapshot.ts';
import { type Clock, type Instant, now } from '../../domain/time.ts';
import { type Egress, type EgressRequest, type HttpAnswer } from '../../egress/egress.ts';
import { type Problem } from './map.ts';
import { type Redactor } from './redact.ts';
import { wireError } from './wire.ts';

/** What every request of one account needs. */
export interface Connection {
  readonly tradingUrl: string;
  readonly dataUrl: string;
  /** Made anew for each request, so that no secret is kept in between. */
  headers(): Record<string, string>;
  /** Fingerprint for the request budget. */
  readonly credential: string;
  /** What `headers` carry: errors name the right thing to renew. */
  readonly credentialKind: 'key' | 'oauth';
  readonly egress: Egress;
  readonly clock: Clock;
  readonly redactor: Redactor;
}

export interface Answer {
  readonly json: ExactJson;
  readonly sha256: string;
}

/** A read in the making. Its methods throw `TruebookError` with `facts.reason`; `readWith` turns that into `incomplete`. */
export interface Reading<Rows> {
  readonly startedAt: Instant;
  /** A 200 with JSON; everything else throws. `host` chooses the trading or the data address. */
  get(
    resource: string,
    host: 'trading' | 'data',
    path: string,
    query?: Record<string, string>,
  ): Promise<Answer>;
  /** As `get`, but the body is only read when asked for: an answer may be known by its hash. */
  getLater(
    resource: string,
    host: 'trading' | 'data',
    path: string,
    query?: Record<string, string>,
  ): Promise<{ readonly read: () => ExactJson; readonly sha256: string }>;
  /** As `get`, but a 404 answers null. `once`: one try of at most 10 s, for what the read can do without. */
  find(
    resource: string,
    host: 'trading' | 'data',
    path: string,
    query?: Record<string, string>,
    options?: { readonly once: true },
  ): Promise<Answer | null>;
  quarantine(resource: string, problem: Problem, row: unknown, sha256: string | null): void;
  /** How to tell the rows understood so far: asked only when a later request fails. */
  understood(rows: () => Rows): void;
  fail(reason: string, message: string): never;
}

/** How long one try may take of what a read can do without. */
const ONCE_MS = 10_000;

export async function readWith<Rows>(
  connection: Connection,
  signal: AbortSignal | undefined,
  work: (reading: Reading<Rows>) => Promise<Rows>,
): Promise<Read<Rows>> {
  const { clock, redactor } = connection;
  const startedAt = now(clock);
  const startedMonoMs = clock.monoMs();
  const payloads: Payload[] = [];
  const quarantined: QuarantinedRow[] = [];
  const evidence = { payloads, quarantined };
  let partialRows: () => Rows | null = () => null;

  const send = async (
    resource: string,
    host: 'trading' | 'data',
    path: string,
    query: Record<string, string>,
    limits: Pick<EgressRequest, 'once' | 'timeoutMs'> = {},
  ) => {
    const search = new URLSearchParams(query).toString();
    const pathWithQuery = search === '' ? path : `${path}?${search}`;
    const base = host === 'trading' ? connection.tradingUrl : connection.dataUrl;
    const answer = await connection.egress.request({
      broker: 'alpaca',
      url: `${base.replace(/\/$/, '')}${pathWithQuery}`,
      headers: connection.headers(),
      credential: connection.credential,
      signal,
      ...limits,
    });
    const sha256 = createHash('sha256').update(answer.bytes).digest('hex');
    payloads.push({
      sha256,
      resource,
      status: answer.status,
      path: pathWithQuery,
      requestId: answer.header('x-request-id'),
      startedAt: answer.startedAt,
      receivedAt: answer.receivedAt,
      body: redactor.redact(answer.body, resource, answer.status !== 200),
    });
    return { answer, sha256 };
  };

  const reading: Reading<Rows> = {
    startedAt,
    async get(resource, host, path, query = {}) {
      const { answer, sha256 } = await send(resource, host, path, query);
      if (answer.status !== 200) throw statusError(answer, resource, host, connection);
      return { json: parseBody(answer, resource), sha256 };
    },
    async getLater(resource, host, path, query = {}) {
      const { answer, sha256 } = await send(resource, host, path, query);
      if (answer.status !== 200) throw statusError(answer, resource, host, connection);
      return { read: () => parseBody(answer, resource), sha256 };
    },
    async find(resource, host, path, query = {}, options) {
      const limits = options === undefined ? {} : { ...options, timeoutMs: ONCE_MS };
      const { answer, sha256 } = await send(resource, host, path, query, limits);
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw statusError(answer, resource, host, connection);
      return { json: parseBody(answer, resource), sha256 };
    },
    quarantine(resource, problem, row, sha256) {
      const text = redactor.redact(JSON.stringify(row) ?? 'null', resource);
      // A reason may quote what could not be read, and that may be an account's id in the wrong place.
      const words = (said: string): string => redactor.redact(said, resource, resource === 'account');
      quarantined.push({
        resource,
        path: words(problem.path),
        reason: words(problem.reason),
        row: text,
        payloadSha256: sha256,
      });
    },
    understood(rows) {
      partialRows = rows;
    },
    fail(reason, message) {
      throw badAnswer(reason, message, payloads.at(-1)?.requestId ?? null);
    },
  };

  try {
    const rows = await work(reading);
    return { kind: 'complete', rows, asOf: startedAt, startedAt, startedMonoMs, evidence };
  } catch (error) {
    // Faults of ours (a TypeError) are no broker's answer: they must not hide behind `incomplete`.
    if (!isTruebookError(error)) throw error;
    const reason = String(error.facts['reason'] ?? error.code);
    return { kind: 'incomplete', reason, error, partialRows: partialRows(), startedAt, evidence };
  }
}

function parseBody(answer: HttpAnswer, resource: string): ExactJson {
  const requestId = answer.header('x-request-id');
  const body = answer.body.trim();
  if (body === '') throw badAnswer('empty', `Alpaca answered ${resource} with nothing at all.`, requestId);
  try {
    return parseExactJson(body);
  } catch {
    const looksLikeJson = body.startsWith('{') || body.startsWith('[');
    throw looksLikeJson
      ? badAnswer('truncated', `Alpaca's answer for ${resource} breaks off or is not valid JSON.`, requestId)
      : badAnswer('not_json', `Alpaca's answer for ${resource} is not JSON.`, requestId);
  }
}

function badAnswer(reason: string, message: string, requestId: string | null): TruebookError {
  return new TruebookError('broker_bad_answer', `${message}${requestIdText(requestId)}`, {
    hint: 'Nothing of it was believed; the next run reads again. If it stays, look for a proxy between you and Alpaca.',
    retry: 'later',
    facts: { reason, requestId },
  });
}

function requestIdText(requestId: string | null): string {
  return requestId === null ? '' : ` (request ${requestId.slice(0, 64)})`;
}

/** Code, hint and retry word per status (alpaca.md 1.3): texts of the broker may change, statuses do not. */
function statusError(
  answer: HttpAnswer,
  resource: string,
  host: 'trading' | 'data',
  { redactor, credentialKind }: Connection,
): TruebookError {
  const { status } = answer;
  const requestId = answer.header('x-request-id');
  const said = brokersWords(answer.body);
  const words = said === null ? '' : `: ${redactor.redact(said, resource, true).slice(0, 200)}`;
  const message = `Alpaca answered ${status} for ${resource}${words}${requestIdText(requestId)}.`;
  const facts = { reason: `http_${status}`, status, requestId };
  if (status === 401 && credentialKind === 'oauth' && host === 'data') {
    // The account itself is read elsewhere: a token that is really dead shows there, so this is its scope (1.2).
    const hint =
      'The OAuth token lacks the scope `data`, so marks and Greeks of options are left out; the rest works.';
    return new TruebookError('broker_forbidden', message, { hint, retry: 'never', facts });
  }
  if (status === 401) {
    const hint =
      credentialKind === 'oauth'
        ? 'The OAuth token is wrong, has ended or was revoked. Authorise again and set ALPACA_OAUTH_TOKEN anew.'
        : 'The key is wrong, was regenerated or belongs to the other environment (paper/live). Enter a new one.';
    return new TruebookError('broker_auth', message, { hint, retry: 'never', facts });
  }
  if (status === 403) {
    const hint =
      credentialKind === 'oauth'
        ? 'The OAuth token may not read this: check what the account is allowed.'
        : 'The key may not read this: check that key and secret are both set and what the account is allowed.';
    return new TruebookError('broker_forbidden', message, { hint, retry: 'never', facts });
  }
  if (status === 404) {
    const hint = 'Check the address settings of this connection.';
    return new TruebookError('broker_not_found', message, { hint, retry: 'later', facts });
  }
  if (status === 429) {
    const hint =
      'Too many requests on this key: wait, use a longer interval, or stop other programs that use it.';
    return new TruebookError('broker_rate_limit', message, { hint, retry: 'later', facts });
  }
  if (status >= 500) {
    const hint = 'Alpaca has a fault; the next run tries again by itself.';
    return new TruebookError('broker_fault', message, { hint, retry: 'later', facts });
  }
  if (status < 300) return badAnswer(`http_${status}`, message, requestId);
  const hint = 'Alpaca did not understand the request: report this, Truebook must be adapted.';
  return new TruebookError('broker_rejected', message, { hint, retry: 'never', facts });
}

function brokersWords(body: string): string | null {
  try {
    const parsed = wireError.safeParse(parseExactJson(body));
    return parsed.success ? parsed.data.message : null;
  } catch {
    return null;
  }
}
