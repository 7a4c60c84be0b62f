/**
 * The few ways Truebook can fail. Each error has a code (for programs), a sentence (for people), a hint (what to
 * do) and a retry word (whether waiting helps). `cli/main.ts` turns codes into exit codes, the API into statuses.
 */

/** Every code and the exit code it stands for (design section 8: 1 fault, 2 usage or config, 3 denied, 4 login). */
export const ERROR_EXIT_CODES = {
  // bad input or configuration
  usage: 2,
  config: 2,
  bad_decimal: 2,
  bad_instant: 2,
  bad_instrument: 2,
  unknown_account: 2,
  runtime_too_old: 2,
  // broker and network
  broker_auth: 4,
  broker_forbidden: 1,
  broker_rejected: 1,
  broker_unreachable: 1,
  broker_timeout: 1,
  broker_rate_limit: 1,
  broker_fault: 1,
  broker_bad_answer: 1,
  broker_not_found: 1,
  broker_paused: 1,
  wrong_account: 1,
  account_changed: 3,
  egress_refused: 1,
  // storage
  storage_too_old: 1,
  storage_unsafe: 1,
  storage_foreign: 1,
  storage_unreachable: 1,
  storage_full: 1,
  storage_readonly: 1,
  storage_corrupt: 1,
  storage_busy: 1,
  storage_newer: 1,
  // concurrency
  lease_held: 1,
  lease_lost: 1,
  // secrets
  secret_key_missing: 2,
  secret_unreadable: 2,
  // arithmetic and everything that must not happen
  division_by_zero: 1,
  stopped: 0,
  internal: 1,
} as const;

export type ErrorCode = keyof typeof ERROR_EXIT_CODES;

/** `never`: a person must act. `later`: the next scheduled run may succeed. `now`: the same call may succeed at once. */
export type Retry = 'never' | 'later' | 'now';

export interface ErrorDetails {
  readonly hint?: string;
  readonly retry?: Retry;
  readonly cause?: unknown;
  /** Facts for a log line: never a secret, never a full account number. */
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>;
}

/** The one error class. Its message and hint are shown to people as they stand, so they may hold no secret. */
export class TruebookError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;
  readonly retry: Retry;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'TruebookError';
    this.code = code;
    this.hint = details.hint ?? null;
    this.retry = details.retry ?? 'never';
    this.facts = details.facts ?? {};
  }

  get exitCode(): number {
    return ERROR_EXIT_CODES[this.code];
  }
}

export function isTruebookError(error: unknown, ...codes: ErrorCode[]): error is TruebookError {
  return error instanceof TruebookError && (codes.length === 0 || codes.includes(error.code));
}

/** The sentence of any thrown value, for logs and `lastError`. */
export function errorText(error: unknown): string {
  // Whatever a user's code throws, also what has no text at all: telling it must never be the next error.
  try {
    const text: unknown = error instanceof Error ? error.message : error;
    return typeof text === 'string' ? text : String(text);
  } catch {
    return 'something without a text was thrown';
  }
}
