/** How Alpaca writes things: symbols, times, ids, types. Source: brokers/alpaca.md sections 1.5, 3.2, 5.2, 5.3. */
import { type Decimal } from '../../../domain/decimal.ts';
import { type Instrument } from '../../../domain/instrument.ts';
import {
  inZone,
  instantKey,
  NEW_YORK,
  newYorkDate,
  parseInstant,
  type Instant,
} from '../../../domain/time.ts';
import { type CorporateAction, type Entry } from '../../entries.ts';

/** What a handler answers: `body` is a JSON value; decimals stand in it as strings or as raw JSON numbers. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** An answer that is an error; handlers throw it. */
export class AlpacaError extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, code: number | null, message: string) {
    super(message);
    this.status = status;
    this.body = code === null ? { message } : { code, message };
  }
}

export function assetClass(instrument: Instrument): 'us_equity' | 'us_option' | 'crypto' {
  return instrument.kind === 'option' ? 'us_option' : instrument.kind === 'crypto' ? 'crypto' : 'us_equity';
}

/** Positions and fees name coins without the slash; orders, fills, assets and market data with it. */
export function positionSymbol(instrument: Instrument): string {
  return instrument.symbol.replace('/', '');
}

/** Orders carry nanoseconds: the digits an instant has, filled up with a tail that never changes. */
export function nanoseconds(instant: Instant): string {
  const digits = instantKey(instant).slice(20, 29);
  return `${instant.slice(0, 19)}.${digits.slice(0, 6)}${digits.slice(6) === '000' ? '144' : digits.slice(6)}Z`;
}

/** `2025-08-21T15:45:07.318-04:00`: New York's time with its offset. */
export function newYorkTime(instant: Instant): string {
  const { date, time } = inZone(instant, NEW_YORK);
  const hours = Math.round(
    (Date.parse(`${date}T${time}Z`) - Date.parse(`${instant.slice(0, 19)}Z`)) / 3_600_000,
  );
  return `${date}T${time}${instant.slice(19, -1)}-0${-hours}:00`;
}

/**
 * The id of an activity. Executions begin with their New York time to the millisecond, everything else with its date
 * and nine zeros; so ids sort by when things happened, not by when they were listed.
 */
export function activityId(entry: Entry): string {
  const known = activityIds.get(entry);
  if (known !== undefined) return known;
  const id = makeActivityId(entry);
  activityIds.set(entry, id);
  return id;
}

/** A listing of thousands asks for every id on every page. */
const activityIds = new WeakMap<Entry, string>();

function makeActivityId(entry: Entry): string {
  const { date, time } = inZone(entry.at, NEW_YORK);
  const day = date.replaceAll('-', '');
  const moment =
    entry.kind === 'fill' ? time.replaceAll(':', '') + instantKey(entry.at).slice(20, 23) : '000000000';
  return `${day}${moment}::${entry.uuid}`;
}

/** Activity type and sub type of an entry. */
export function activityType(entry: Entry): { type: string; subType: string | null } {
  const onOption = entry.instrument?.kind === 'option';
  switch (entry.kind) {
    case 'fill':
      return { type: 'FILL', subType: null };
    case 'funding':
      return { type: 'JNLC', subType: null };
    case 'deposit':
      return { type: 'CSD', subType: null };
    case 'withdrawal':
      return { type: 'CSW', subType: null };
    case 'dividend':
      return { type: 'DIV', subType: 'CDIV' };
    case 'interest':
      return { type: 'INT', subType: entry.amount.sign() < 0 ? 'MGN' : 'SWP' };
    case 'fee':
      return { type: 'FEE', subType: onOption ? 'ORF' : 'REG' };
    case 'coin_fee':
      return { type: 'CFEE', subType: null };
    case 'expire':
      return { type: 'OPEXP', subType: null };
    case 'assign':
      return { type: 'OPASN', subType: null };
    case 'exercise':
      return { type: 'OPEXC', subType: null };
    case 'delivery':
      return { type: 'OPTRD', subType: null };
    case 'split':
    case 'rename':
    case 'spinoff':
    case 'merger': {
      const { type, subType } = actionType(entry.action!.of);
      if (!onOption) return { type, subType };
      return { type: 'OPCA', subType: subType === null ? type : `${type}.${subType}` };
    }
    case 'cash_in_lieu':
      return { type: 'CIL', subType: null };
    case 'transfer':
      if (entry.instrument?.kind === 'crypto') return { type: 'OCT', subType: null };
      return { type: entry.quantity.sign() > 0 ? 'ACATS' : 'FOPT', subType: null };
  }
}

function actionType(action: CorporateAction): { type: string; subType: string | null } {
  switch (action.kind) {
    case 'split':
      return { type: 'SPLIT', subType: isForward(action) ? 'FSPLIT' : 'RSPLIT' };
    case 'rename':
      return { type: 'NC', subType: 'SNC' };
    case 'spinoff':
      return { type: 'SPIN', subType: null };
    case 'merger':
      if (action.to === null) return { type: 'MA', subType: 'CMA' };
      return { type: 'MA', subType: action.cashPerShare === null ? 'SMA' : 'SCMA' };
  }
}

/** False for a reverse split. */
export function isForward(action: CorporateAction): boolean {
  return action.newShares.compare(action.oldShares) >= 0;
}

/** Every type the activities endpoint knows; another one in a filter is a 422. */
export const ACTIVITY_TYPES: ReadonlySet<string> = new Set(
  (
    'FILL TRANS MISC ACATC ACATS CFEE FEE CGD CIL CSD CSW DIV DIVCGL DIVCGS DIVFEE DIVFT DIVNRA DIVROC DIVTW DIVTXEX DIVWH ' +
    'INT INTNRA INTTW INTPNL JNL JNLC JNLS MA NC OPASN OPEXC OPEXP OPTRD OPCA OPCSH PTC PTR REO REORG SPIN SPLIT FOPT OCT ' +
    'VOF WH MEM SWP EXTRD FXTRD SC SSO SSP OPXRC'
  ).split(' '),
);

export function text(value: Decimal | null): string | null {
  return value === null ? null : value.toString();
}

/** A date or instant of a query, as an instant; a day alone begins at midnight UTC. Throws 422. */
export function queryInstant(name: string, value: string | null): Instant | null {
  if (value === null || value === '') return null;
  const full = /^\d{4}-\d{2}-\d{2}$/.test(value)
    ? `${value}T00:00:00Z`
    : /(Z|z|[+-]\d{2}:?\d{2})$/.test(value)
      ? value
      : `${value}Z`;
  try {
    return parseInstant(full.replace(' ', '+'));
  } catch {
    throw new AlpacaError(422, 42210000, `invalid ${name}: ${value}`);
  }
}

/** A whole number of a query within bounds. Throws 422. */
export function queryInteger(
  name: string,
  value: string | null,
  least: number,
  most: number,
  otherwise: number,
): number {
  if (value === null || value === '') return otherwise;
  if (!/^\d{1,6}$/.test(value)) throw new AlpacaError(422, 42210000, `invalid ${name}: ${value}`);
  const number = Number.parseInt(value, 10);
  if (number < least || number > most)
    throw new AlpacaError(422, 42210000, `${name} must be between ${least} and ${most}`);
  return number;
}

/** Go's ParseBool, which the real server appears to use: `1, t, T, TRUE, true, True`. */
export function queryBoolean(value: string | null): boolean {
  return value !== null && ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value);
}

export function queryList(value: string | null): string[] {
  return value === null
    ? []
    : value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
}

export function dateOf(entry: Entry): string {
  return newYorkDate(entry.at);
}
