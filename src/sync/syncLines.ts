/**
 * What a run made different, in the words that Alpaca bots and their users know (seeds/004). Pure. Amounts with cents,
 * as people read them; the exact figures stand in the records.
 */
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentKind } from '../domain/instrument.ts';
import { type BankrollDifference, type PositionDifference, type SyncDifference } from './difference.ts';

export interface SyncLineOptions {
  /** Only positions and trades of these kinds (`ALPACA_SYNC_ASSET_CLASSES`); null = all. */
  readonly kinds: readonly InstrumentKind[] | null;
  /** Said as what would happen. */
  readonly dryRun?: boolean;
}

const PREFIX = '[ALPACA-SYNC]';

/** More new trades than this are counted, not listed: a first contact may bring thousands. */
const TRADES_LISTED = 20;

export function alpacaSyncLines(
  { type, bankroll, positions, transactions }: SyncDifference,
  options: SyncLineOptions,
): readonly string[] {
  const { kinds } = options;
  const isWanted = (kind: string): boolean => kinds === null || (kinds as readonly string[]).includes(kind);
  const lines: string[] = [];
  if (bankroll !== null) lines.push(...bankrollLines(bankroll, options.dryRun === true));
  else if (type === 'all' || type === 'bankroll')
    lines.push('Alpaca account - Equity: unknown, the bankroll is as it was');
  if (positions !== null) {
    lines.push(...foundLines(positions.found, isWanted));
    for (const change of positions.changes) if (isWanted(change.kind)) lines.push(...changeLine(change));
  }
  if (transactions !== null) {
    const trades = transactions.filter((row) => row.kind === 'fill' && isWanted(kindOfRow(row.instrument)));
    if (trades.length > 0)
      lines.push(`${verb(options, 'Imported', 'Would import')} ${count(trades.length, 'missing trade')}`);
    for (const trade of trades.length <= TRADES_LISTED ? trades : []) {
      const side = trade.quantity.startsWith('-') ? 'sell' : 'buy';
      const change = trade.status === 'bust' ? ' (busted)' : trade.rev > 0 ? ' (corrected)' : '';
      lines.push(
        `Trade ${trade.id}: ${side} ${unsigned(trade.quantity)} ${trade.symbol ?? '?'} @ ${trade.price ?? 'unknown'}${change}`,
      );
    }
    const other = transactions.filter((row) => row.kind !== 'fill' && row.instrument === null);
    for (const row of other.length <= TRADES_LISTED ? other : [])
      lines.push(`${row.kind}: ${row.amount === null ? 'unknown' : dollars(row.amount, row.currency)}`);
  }
  return lines.map((line) => `${PREFIX} ${line}`);
}

function bankrollLines(bankroll: BankrollDifference, dryRun: boolean): readonly string[] {
  const { currency, equity, cash, before, entries, exceeded, differencePct, tolerancePct } = bankroll;
  const figures = [
    `Equity: ${dollars(equity, currency)}`,
    `Cash: ${cash === null ? 'unknown' : dollars(cash, currency)}`,
  ];
  const imported = entries.find((entry) => entry.kind === 'imported');
  const local = before ?? imported?.after ?? null;
  const lines = [
    `Alpaca account - ${figures.join(', ')}`,
    `Balance comparison - Local: ${local === null ? 'none' : dollars(local, currency)}, Alpaca: ${dollars(equity, currency)}`,
  ];
  for (const entry of entries) {
    if (entry.kind === 'imported')
      lines.push(`Bankroll taken over from ${entry.source} - ${dollars(entry.after, currency)}`);
    else if (entry.kind === 'opening')
      lines.push(
        `${dryRun ? 'Bankroll would open' : 'Bankroll opened'} with the account's equity - ${dollars(entry.after, currency)}`,
      );
    else
      lines.push(
        `${dryRun ? 'Bankroll would be synchronized - From' : 'Bankroll synchronized - Updated from'} ` +
          `${dollars(entry.before ?? '0', currency)} to ${dollars(entry.after, currency)}`,
        `"sync_adjustment": ${Decimal.parse(entry.amount).toFixed(2)} (${entry.causes.join(', ')})`,
      );
  }
  if (entries.length === 0) {
    const shown =
      differencePct === null ? '' : ` (${Decimal.parse(differencePct).toFixed(2)}% of ${tolerancePct}%)`;
    lines.push(exceeded ? `Bankroll beyond tolerance${shown}` : `Bankroll within tolerance${shown}`);
  }
  return lines;
}

const NAMES: Readonly<Record<string, string>> = { equity: 'stock', option: 'options', crypto: 'crypto' };

function foundLines(
  found: Readonly<Record<string, number>>,
  isWanted: (kind: string) => boolean,
): readonly string[] {
  const kinds = Object.entries(found).filter(([kind]) => isWanted(kind));
  if (kinds.length === 0) return ['Found 0 positions in Alpaca account'];
  return kinds
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(
      ([kind, number]) =>
        `Found ${number} ${NAMES[kind] ?? kind} position${number === 1 ? '' : 's'} in Alpaca account`,
    );
}

function changeLine({ event, symbol, before, after, manual }: PositionDifference): readonly string[] {
  const quantity = `(qty: ${after ?? '0'})`;
  // Opened and ended between two runs: its end is told.
  if (event === 'opened' && (after === null || after === '0')) return [];
  switch (event) {
    case 'opened':
    case 'appeared':
    case 'reappeared':
      if (manual === true) return [`Detected manual position: ${symbol} ${quantity}`];
      if (manual === false) return [`Position opened by automation: ${symbol} ${quantity}`];
      return event === 'opened'
        ? [`Position opened: ${symbol} ${quantity}`]
        : [`Detected position without a trade: ${symbol} ${quantity}`];
    case 'closed':
      if (manual === true) return [`Position closed manually: ${symbol}`];
      return [manual === false ? `Position closed by automation: ${symbol}` : `Position closed: ${symbol}`];
    case 'missing':
      return manual === true
        ? [`Position closed manually: ${symbol} (its trade is not imported yet)`]
        : [`Position missing at the broker, kept: ${symbol} ${quantity}`];
    case 'expired':
    case 'assigned':
    case 'exercised':
      return [`Position ${event}: ${symbol}`];
    case 'increased':
    case 'reduced':
    case 'flipped':
      return [`Quantity mismatch: ${symbol} (local: ${before ?? '0'}, Alpaca: ${after ?? '0'})`];
    case 'explained':
      return [`Position explained by its trades: ${symbol} ${quantity}`];
    default:
      return [`Position ${event}: ${symbol} (from ${before ?? '0'} to ${after ?? '0'})`];
  }
}

function kindOfRow(instrument: string | null): string {
  return instrument?.split(':')[0] ?? '';
}

function verb({ dryRun }: SyncLineOptions, done: string, would: string): string {
  return dryRun === true ? would : done;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function unsigned(quantity: string): string {
  return quantity.startsWith('-') ? quantity.slice(1) : quantity;
}

function dollars(amount: string, currency: string): string {
  return inMoney(Decimal.parse(amount), currency);
}

/** `$5,432.10`; other currencies with their code. */
export function inMoney(amount: Decimal, currency: string): string {
  const [whole = '0', cents = '00'] = amount.abs().toFixed(2).split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  const sign = amount.sign() < 0 ? '-' : '';
  return currency === 'USD' ? `${sign}$${grouped}.${cents}` : `${sign}${grouped}.${cents} ${currency}`;
}
