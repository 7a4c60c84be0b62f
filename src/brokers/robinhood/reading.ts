/**
 * One logical read: the requests it made, what they answered, what could not be understood - and the only place that
 * builds `complete`. Whatever goes wrong on the way ends as `incomplete` with a word and an error, never as an empty list.
 */
import { createHash } from 'node:crypto';
import { isTruebookError } from '../../domain/errors.ts';
import { type ExactJson, parseExactJson } from '../../domain/json.ts';
import { type Payload, type QuarantinedRow, type Read } from '../../domain/snapshot.ts';
import { type Clock, type Instant, minInstant, now } from '../../domain/time.ts';
import { type Egress, type HttpAnswer } from '../../egress/egress.ts';
import { badAnswer, requestIdOf, statusError } from './answers.ts';
import { type Problem } from './mapped.ts';
import { type Redactor } from './redact.ts';
import { type HostName, type RobinhoodSession } from './session.ts';

/** What every request of one login needs. */
export interface Connection {
  /** Base address of each host, e.g. `https://api.robinhood.com`; may have a path in front, on loopback. */
  readonly hosts: Readonly<Record<HostName, string>>;
  readonly session: RobinhoodSession;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly redactor: Redactor;
}

export interface Answer {
  readonly json: ExactJson;
  readonly sha256: string;
}

export type Query = Readonly<Record<string, string>>;

/** A read in the making. Its methods throw `TruebookError` with `facts.reason`; `readWith` turns that into `incomplete`. */
export interface Reading<Rows> {
  readonly startedAt: Instant;
  /** A 200 with JSON; everything else throws. A text as query is taken as it is: that of a `next` address. */
  get(resource: string, host: HostName, path: string, query?: Query | string): Promise<Answer>;
  /** As `get`, but a 404 answers null. */
  find(resource: string, host: HostName, path: string, query?: Query | string): Promise<Answer | null>;
  base(host: HostName): string;
  quarantine(resource: string, problem: Problem, row: unknown, sha256: string | null): void;
  /** The answer speaks of an earlier moment than this read: rows that were read before are part of it. */
  speaksOf(earlier: Instant): void;
  /** How to tell the rows understood so far: asked only when a later request fails. */
  understood(rows: () => Rows): void;
  fail(reason: string, message: string): never;
}

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
  let asOf = startedAt;
  let partialRows: () => Rows | null = () => null;

  const send = async (
    resource: string,
    host: HostName,
    path: string,
    query: Query | string,
  ): Promise<{ answer: HttpAnswer; sha256: string }> => {
    const search = typeof query === 'string' ? query : new URLSearchParams(query).toString();
    const pathWithQuery = search === '' ? path : `${path}?${search}`;
    const url = `${connection.hosts[host].replace(/\/$/, '')}${pathWithQuery}`;
    const answer = await askTwice(connection, url, host, resource, signal);
    const sha256 = createHash('sha256').update(answer.bytes).digest('hex');
    payloads.push({
      sha256,
      resource,
      status: answer.status,
      path: redactor.redact(pathWithQuery),
      requestId: requestIdOf(answer),
      startedAt: answer.startedAt,
      receivedAt: answer.receivedAt,
      body: redactor.redact(answer.body, answer.status !== 200),
    });
    return { answer, sha256 };
  };

  const reading: Reading<Rows> = {
    startedAt,
    base: (host) => connection.hosts[host],
    async get(resource, host, path, query = {}) {
      const { answer, sha256 } = await send(resource, host, path, query);
      if (answer.status !== 200) throw statusError(answer, resource, redactor);
      return { json: parseBody(answer, resource), sha256 };
    },
    async find(resource, host, path, query = {}) {
      const { answer, sha256 } = await send(resource, host, path, query);
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw statusError(answer, resource, redactor);
      return { json: parseBody(answer, resource), sha256 };
    },
    quarantine(resource, problem, row, sha256) {
      quarantined.push({
        resource,
        path: redactor.redact(problem.path),
        reason: redactor.redact(problem.reason),
        row: redactor.redact(JSON.stringify(row) ?? 'null'),
        payloadSha256: sha256,
      });
    },
    speaksOf(earlier) {
      asOf = minInstant(asOf, earlier);
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
    return { kind: 'complete', rows, asOf, startedAt, startedMonoMs, evidence };
  } catch (error) {
    // Faults of ours (a TypeError) are no broker's answer: they must not hide behind `incomplete`.
    if (!isTruebookError(error)) throw error;
    const reason = String(error.facts['reason'] ?? error.code);
    return { kind: 'incomplete', reason, error, partialRows: partialRows(), startedAt, evidence };
  }
}

/** Asks, and once more with another header where the session has one after a refusal. */
async function askTwice(
  connection: Connection,
  url: string,
  host: HostName,
  resource: string,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  const { session, egress } = connection;
  for (let isFirst = true; ; isFirst = false) {
    const authorization = await session.authorization({ host, resource });
    const answer = await egress.request({
      broker: 'robinhood',
      url,
      headers: { accept: 'application/json', authorization },
      credential: session.credential,
      signal,
    });
    const { status } = answer;
    if (status !== 401 && status !== 403) return answer;
    const again = await session.refused({ authorization, host, resource, status });
    if (!isFirst || !again) return answer;
  }
}

function parseBody(answer: HttpAnswer, resource: string): ExactJson {
  const requestId = requestIdOf(answer);
  const body = answer.body.trim();
  if (body === '') throw badAnswer('empty', `Robinhood answered ${resource} with nothing at all.`, requestId);
  try {
    return parseExactJson(body);
  } catch {
    const looksLikeJson = body.startsWith('{') || body.startsWith('[');
    throw looksLikeJson
      ? badAnswer(
          'truncated',
          `Robinhood's answer for ${resource} breaks off or is not valid JSON.`,
          requestId,
        )
      : badAnswer('not_json', `Robinhood's answer for ${resource} is not JSON.`, requestId);
  }
}
