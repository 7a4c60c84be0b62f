import { compose, type Truebook } from '../compose.ts';
import { Decimal } from '../domain/decimal.ts';
import { TruebookError } from '../domain/errors.ts';
import { type FindingCause } from '../domain/finding.ts';
import { now as instantNow, tryParseTradeDate, type TradeDate } from '../domain/time.ts';
import { type StoredFinding } from '../store/store.ts';
import {
  openDifference,
  personsAdjustment,
  type PersonsAnswer,
  type Resolution,
} from '../sync/personsAdjustment.ts';
import { printJson, printLine } from './print.ts';
import { loadSettings, tellWarnings, type CommonOptions } from './session.ts';

export interface ResolveOptions extends CommonOptions {
  readonly as: Resolution;
  readonly price?: string;
  readonly basis?: string;
  readonly date?: string;
  readonly reason: string;
}

/**
 * A person's word on a finding: a provisional adjustment that later activities of the broker take back, or a dismissal
 * that changes no figure.
 */
export async function resolve(id: string, options: ResolveOptions): Promise<number> {
  const findingId = idOf(id);
  const answer = answerOf(options);
  if (options.reason.trim() === '') {
    throw new TruebookError('usage', 'A reason is missing.', { hint: 'Say it with --reason "..."' });
  }
  const config = loadSettings(options);
  tellWarnings(config);
  const book = await compose({ config });
  try {
    const finding = await openFinding(book, findingId);
    const at = instantNow(book.clock);
    const adjustment =
      answer === null ? null : personsAdjustment(await openDifference(book.store, finding, at), answer, at);
    const decided = await book.store.decideFinding({
      accountId: finding.accountId,
      findingId,
      state: answer === null ? 'dismissed' : 'resolved',
      ...(answer === null ? {} : { cause: CAUSE[answer.as] }),
      reason: options.reason.trim(),
      actor: 'user',
      at,
      adjustment,
    });
    const { quantity, amount, price } = decided.adjustment ?? {};
    const record = {
      finding: findingId,
      state: decided.finding.state,
      cause: decided.finding.cause,
      symbol: finding.symbol,
      adjustment: decided.adjustment?.rootId ?? null,
      quantity: quantity?.toString() ?? null,
      amount: amount?.toString() ?? null,
      price: price?.toString() ?? null,
    };
    if (options.json === true) printJson(record);
    else printLine(sentenceOf(record));
    return 0;
  } finally {
    await book.close();
  }
}

const CAUSE: Readonly<Record<PersonsAnswer['as'], FindingCause>> = {
  'external-change': 'manual_trade',
  transfer: 'transfer',
  opening: 'history_gap',
};

async function openFinding(book: Truebook, id: number): Promise<StoredFinding> {
  const findings = await book.store.findings({});
  const finding = findings.find((row) => row.id === id);
  if (finding === undefined) {
    throw new TruebookError('usage', `There is no finding ${id}.`, {
      hint: '`truebook findings` lists the open ones with their numbers.',
    });
  }
  if (finding.state === 'open' || finding.state === 'reopened') return finding;
  throw new TruebookError('usage', `Finding ${id} is ${finding.state} already.`, {
    hint: '`truebook findings` lists the open ones.',
  });
}

function answerOf(options: ResolveOptions): PersonsAnswer | null {
  const given = (['price', 'basis', 'date'] as const).filter((name) => options[name] !== undefined);
  if (options.as === 'dismiss') {
    if (given.length === 0) return null;
    throw new TruebookError('usage', `A dismissal takes no --${given.join(', --')}.`, {
      hint: 'It changes no figure. Use --as external-change, transfer or opening to book something.',
    });
  }
  return {
    as: options.as,
    price: amountOf('--price', options.price),
    basis: amountOf('--basis', options.basis),
    date: dayOf(options.date),
    reason: options.reason.trim(),
  };
}

function amountOf(option: string, text: string | undefined): Decimal | null {
  if (text === undefined) return null;
  const amount = Decimal.tryParse(text);
  if (amount !== null && amount.sign() >= 0) return amount;
  throw new TruebookError('usage', `${option} ${text.slice(0, 40)} is no amount.`, {
    hint: 'Write it like 225.40.',
  });
}

function dayOf(text: string | undefined): TradeDate | null {
  if (text === undefined) return null;
  const day = tryParseTradeDate(text);
  if (day !== null) return day;
  throw new TruebookError('usage', `--date ${text.slice(0, 40)} is no day.`, {
    hint: 'Write it like 2025-08-21.',
  });
}

function idOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number.parseInt(text, 10);
  throw new TruebookError('usage', `"${text.slice(0, 40)}" is no number of a finding.`, {
    hint: '`truebook findings` lists them in the column ID.',
  });
}

function sentenceOf(record: {
  finding: number;
  state: string;
  symbol: string | null;
  quantity: string | null;
  amount: string | null;
  price: string | null;
}): string {
  const what = `Finding ${record.finding} (${record.symbol ?? 'no symbol'}) is ${record.state}`;
  if (record.quantity === null) return `${what}. Nothing was booked.`;
  const moved =
    record.quantity === '0' ? `${record.amount ?? '0'} of cash` : `${record.quantity} ${record.symbol ?? ''}`;
  const at = record.price === null ? 'at no known price' : `at ${record.price}`;
  return `${what}: an adjustment of ${moved} ${at} is in the ledger until the broker's own activity replaces it. The next sync works the book out anew.`;
}
