/** Turns what the two databases throw into the few storage errors people can act on. Passwords never come in here. */
import { TruebookError, type ErrorCode, type Retry } from '../domain/errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly sentence: string;
  readonly hint: string;
  readonly retry: Retry;
}

const BUSY: Meaning = {
  code: 'storage_busy',
  sentence: 'The database is busy: another process held it for too long.',
  hint: 'Try again. If it stays so, look for a second Truebook or a long report on the same database.',
  retry: 'now',
};
const FULL: Meaning = {
  code: 'storage_full',
  sentence: 'The disk of the database is full: nothing was written.',
  hint: 'Free some space on that disk; Truebook goes on by itself with the next run.',
  retry: 'later',
};
const READONLY: Meaning = {
  code: 'storage_readonly',
  sentence: 'The database can only be read: nothing was written.',
  hint: 'Check that the file, its folder and the file system may be written by this user (PostgreSQL: not a standby).',
  retry: 'later',
};
const CORRUPT: Meaning = {
  code: 'storage_corrupt',
  sentence: 'The database file is damaged or the disk reports an error.',
  hint: 'Stop Truebook, check the disk, then restore the newest backup.',
  retry: 'never',
};
const UNREACHABLE: Meaning = {
  code: 'storage_unreachable',
  sentence: 'The database cannot be reached.',
  hint: 'Check DATABASE_URL, and that the server runs and accepts this user.',
  retry: 'later',
};

/** Primary result codes of SQLite (the low byte of the extended ones). */
const SQLITE_MEANINGS: Readonly<Record<number, Meaning>> = {
  5: BUSY,
  6: BUSY,
  8: READONLY,
  10: CORRUPT,
  11: CORRUPT,
  13: FULL,
  14: {
    ...UNREACHABLE,
    sentence: 'The database file cannot be opened.',
    hint: 'Check the path in DATABASE_URL and its permissions.',
  },
  26: CORRUPT,
};

/** SQLSTATE classes and codes of PostgreSQL. */
const POSTGRES_MEANINGS: readonly (readonly [start: string, meaning: Meaning])[] = [
  ['40', BUSY],
  ['55P03', BUSY],
  ['53100', FULL],
  ['53', { ...UNREACHABLE, sentence: 'The database server has no room for another connection or query.' }],
  ['25006', READONLY],
  ['08', UNREACHABLE],
  ['57P', UNREACHABLE],
  [
    '28',
    { ...UNREACHABLE, sentence: 'The database server refused the user or the password.', retry: 'never' },
  ],
  ['3D000', { ...UNREACHABLE, sentence: 'The database does not exist on the server.', retry: 'never' }],
  [
    '42501',
    {
      ...UNREACHABLE,
      sentence: 'The database user lacks a permission.',
      hint: 'GRANT CREATE ON DATABASE to this user, or give it the schema truebook.',
      retry: 'never',
    },
  ],
  ['58', CORRUPT],
  ['XX', CORRUPT],
];

const NETWORK_CODES = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|EADDR)/;

/** The typed error behind `error`; what is neither ours nor a storage fault comes back as it is. */
export function storageError(error: unknown): unknown {
  if (error instanceof TruebookError) return error;
  const meaning = meaningOf(error);
  if (meaning === null) return error;
  return new TruebookError(meaning.code, meaning.sentence, {
    hint: meaning.hint,
    retry: meaning.retry,
    cause: error,
    facts: { database_code: databaseCode(error) },
  });
}

/** True when the connection broke, so that nobody knows whether the last statement took effect. */
export function isConnectionLoss(error: unknown): boolean {
  const code = databaseCode(error);
  if (code === null)
    return error instanceof Error && /^Connection terminated|^Client has encountered/.test(error.message);
  return code.startsWith('08') || code.startsWith('57P') || NETWORK_CODES.test(code);
}

/** True for a serialization failure or a deadlock: the same transaction may succeed at once. */
export function isConflict(error: unknown): boolean {
  const code = databaseCode(error);
  return code === '40001' || code === '40P01';
}

function meaningOf(error: unknown): Meaning | null {
  if (!(error instanceof Error)) return null;
  if ('errcode' in error && typeof error.errcode === 'number')
    return SQLITE_MEANINGS[error.errcode & 0xff] ?? null;
  const code = databaseCode(error);
  if (code !== null && /^[0-9A-Z]{5}$/.test(code)) {
    const known = POSTGRES_MEANINGS.find(([start]) => code.startsWith(start));
    if (known !== undefined) return known[1];
  }
  if (error instanceof AggregateError && error.errors.some(isConnectionLoss)) return UNREACHABLE;
  return isConnectionLoss(error) || /timeout exceeded when trying to connect/.test(error.message)
    ? UNREACHABLE
    : null;
}

function databaseCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ('errcode' in error && typeof error.errcode === 'number') return String(error.errcode);
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}
