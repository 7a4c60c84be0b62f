/** Errors of Robinhood's answers: code, hint and retry word per status (robinhood.md 1.6, 8). */
import { TruebookError } from '../../domain/errors.ts';
import { parseExactJson } from '../../domain/json.ts';
import { type HttpAnswer } from '../../egress/egress.ts';
import { type Redactor } from './redact.ts';
import { wireError } from './wire.ts';

export function requestIdOf(answer: HttpAnswer): string | null {
  return answer.header('x-robinhood-request-id') ?? answer.header('x-request-id');
}

export function badAnswer(reason: string, message: string, requestId: string | null): TruebookError {
  return new TruebookError('broker_bad_answer', `${message}${requestIdText(requestId)}`, {
    hint: 'Nothing of it was believed; the next run reads again. If it stays, Robinhood may have changed its private API.',
    retry: 'later',
    facts: { reason, requestId },
  });
}

function requestIdText(requestId: string | null): string {
  return requestId === null ? '' : ` (request ${requestId.slice(0, 64)})`;
}

/** Texts of the broker are shown to people and may change; statuses decide. */
export function statusError(answer: HttpAnswer, resource: string, redactor: Redactor): TruebookError {
  const { status } = answer;
  const requestId = requestIdOf(answer);
  const said = brokersWords(answer.body);
  const words = said === null ? '' : `: ${redactor.redact(said, true).slice(0, 200)}`;
  const message = `Robinhood answered ${status} for ${resource}${words}${requestIdText(requestId)}.`;
  const facts = { reason: `http_${status}`, status, requestId };
  if (status === 401) {
    const hint = 'The login has ended or was revoked: log in to Robinhood again.';
    return new TruebookError('broker_auth', message, { hint, retry: 'never', facts });
  }
  if (status === 403) {
    const hint = 'This login may not read it: look in the Robinhood app whether the account is restricted.';
    return new TruebookError('broker_forbidden', message, { hint, retry: 'never', facts });
  }
  if (status === 404) {
    const hint = 'Robinhood may have moved this part of its private API: look for a newer Truebook.';
    return new TruebookError('broker_not_found', message, { hint, retry: 'later', facts });
  }
  if (status === 429) {
    const hint =
      'Robinhood wants fewer requests: wait, use a longer interval, or stop other programs of this login.';
    return new TruebookError('broker_rate_limit', message, { hint, retry: 'later', facts });
  }
  if (status >= 500) {
    const hint = 'Robinhood has a fault or maintenance; the next run tries again by itself.';
    return new TruebookError('broker_fault', message, { hint, retry: 'later', facts });
  }
  if (status < 300) return badAnswer(`http_${status}`, message, requestId);
  const hint = 'Robinhood did not understand the request: report this, Truebook must be adapted.';
  return new TruebookError('broker_rejected', message, { hint, retry: 'never', facts });
}

function brokersWords(body: string): string | null {
  try {
    const parsed = wireError.safeParse(parseExactJson(body));
    return parsed.success
      ? (parsed.data.detail ?? parsed.data.error ?? parsed.data.non_field_errors?.[0] ?? null)
      : null;
  } catch {
    return null;
  }
}
