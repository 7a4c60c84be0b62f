/** The words of activity rows, as Alpaca's guides and samples have them (brokers/alpaca.md 5.3, 5.4). */
import { Decimal } from '../../../domain/decimal.ts';
import { type Account, type ActionLeg, type Entry } from '../../entries.ts';
import { dateOf } from './wire.ts';

export function describe(entry: Entry, account: Account, perShare: Decimal | null): string {
  switch (entry.kind) {
    case 'funding':
      return 'initial paper balance';
    case 'deposit':
    case 'withdrawal':
      return 'type: ach, subtype: none';
    case 'dividend':
      return perShare === null
        ? 'Cash DIV'
        : `Cash DIV @ ${perShare.toString()}, Pos QTY: ${entry.entitled!.toString()}, Rec Date: ${dateOf(entry)}`;
    case 'assign':
      return 'Options Assignment';
    case 'expire':
      return 'Options Expiry';
    case 'exercise':
      return 'Option Exercise';
    case 'delivery':
      return 'Option Trade';
    case 'coin_fee':
      return 'Coin Pair Transaction Fee (Non USD)';
    case 'fee':
      return feeText(entry, account);
    case 'split':
    case 'rename':
    case 'spinoff':
    case 'merger':
      return actionText(entry, entry.action!);
    case 'cash_in_lieu':
      return 'Cash in lieu of fractional shares';
    case 'transfer':
      return entry.quantity.sign() > 0 ? 'transfer in' : 'transfer out';
    case 'interest':
      return entry.amount.sign() < 0 ? 'Margin interest' : 'Interest';
    case 'fill':
      return '';
  }
}

/** Fees of trades name what they were taken on, the day and the account's number. */
function feeText(entry: Entry, account: Account): string {
  const word = entry.instrument?.kind === 'option' ? 'ORF' : 'REG';
  const fill = account.entries.find((one) => one.uuid === entry.group);
  if (fill === undefined) return `${word} fee`;
  const of =
    word === 'ORF'
      ? `${fill.quantity.abs().toString()} contracts`
      : `$${fill.amount.abs().round(2).toString()}`;
  return `${word} fee for proceed of ${of} on ${dateOf(fill)} by ${account.number}`;
}

function actionText(entry: Entry, action: ActionLeg): string {
  const word = action.leg === 'remove' ? 'REMOVE' : 'ADD';
  if (entry.instrument?.kind === 'option')
    return word === 'REMOVE' ? 'REMOVE old contract symbol' : 'ADD new contract symbol';
  const { kind, symbol, to, newShares, oldShares, cashPerShare } = action.of;
  switch (kind) {
    case 'split': {
      const value = entry.quantity
        .times(entry.price ?? Decimal.zero)
        .abs()
        .round(2);
      return `${word}, From QTY:${action.held.toString()}, To QTY:${action.becomes.toString()}, Position Value:${value.toString()}`;
    }
    case 'rename':
      return `Name Change from ${symbol} to ${to}`;
    case 'spinoff':
      return action.leg === 'new'
        ? `Target Symbol: ${to}, Initiating Symbol: ${symbol}, ${newShares.toString()} ${to} for each ${oldShares.toString()} ${symbol}`
        : `${word}, Cost basis adjustment for source company`;
    case 'merger': {
      if (to === null) return `Cash Merger $${cashPerShare!.toString()} per share`;
      const shares = `${newShares.toString()} ${to}`;
      const old = `for ${oldShares.toString()} ${symbol}`;
      if (cashPerShare === null) return `Stock Merger ${shares} ${old}`;
      return `Stock Cash Merger ${shares} and $${cashPerShare.times(oldShares).toString()} ${old}`;
    }
  }
}
