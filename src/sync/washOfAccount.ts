/** Wash sales of an account's book, as its election wants them: a layer beside the lots, never inside them. Pure. */
import { ACCOUNT_WASH, TAXPAYER_WASH, washOfBook, type AccountWash, type WashBook } from '../book/wash.ts';
import { type Account } from '../domain/account.ts';
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { accountTypeOn, type AccountType, type Election, type WashScope } from '../domain/election.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure, type WashAdjustment } from '../domain/lot.ts';

/** An account's book with what the wash layer asks of it. All lots that the closures name are there. */
export interface WashInput {
  readonly account: Pick<Account, 'id'>;
  /**
   * How it was taxed on days of which no election says so. Losses of an IRA are not taxed, and what it buys never takes
   * a loss over. Default: taxable.
   */
  readonly accountType?: AccountType;
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
  /** Those behind the lots and closures, and the splits of their instruments. */
  readonly activities: readonly Activity[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly elections: readonly Election[];
}

/** The newest `wash_scope` election; `account` without one. */
export function washScopeOf(elections: readonly Election[]): WashScope {
  const chosen = elections.filter((election) => election.kind === 'wash_scope').at(-1);
  return (chosen?.choice ?? 'account') as WashScope;
}

/**
 * What is stored beside the account's lots: scope `account`. Also where the election is `taxpayer`, whose figures need
 * every account and are worked out when somebody asks. Nothing where it is `off`.
 */
export function washOfAccount(input: WashInput): readonly WashAdjustment[] {
  if (washScopeOf(input.elections) === 'off' || !hasLoss(input.closures)) return [];
  return washOfBook([washBook(input)], ACCOUNT_WASH).adjustments.map((row) => ({
    id: row.id,
    scope: row.scope,
    closureId: row.closureId,
    replacementAccountId: row.replacementAccountId,
    replacementLotId: row.replacementLotId,
    quantity: row.quantity,
    disallowed: row.disallowed,
    permanentlyLost: row.permanentlyLost,
    holdingFrom: row.holdingFrom,
    currency: row.currency,
  }));
}

/** What the wash layer adds to the lots and closes of an account, and where its losses went. */
export type AccountFigures = AccountWash & { readonly adjustments: readonly WashAdjustment[] };

/** Of several accounts, by account id. */
export type WashFigures = ReadonlyMap<number, AccountFigures>;

/**
 * Worked out when somebody asks: the stored rows alone do not say how much of what was put off into a lot is still in its
 * open part. `account`: each account by itself, as stored; `taxpayer`: all accounts handed in are one person's.
 */
export function washFigures(inputs: readonly WashInput[], scope: 'account' | 'taxpayer'): WashFigures {
  const groups = scope === 'taxpayer' ? [inputs] : inputs.map((input) => [input]);
  const figures = new Map<number, AccountFigures>();
  for (const group of groups) {
    const counted = group.filter((input) => scope === 'taxpayer' || washScopeOf(input.elections) !== 'off');
    if (!counted.some((input) => hasLoss(input.closures))) continue;
    const policy = scope === 'taxpayer' ? TAXPAYER_WASH : ACCOUNT_WASH;
    const { accounts, adjustments } = washOfBook(counted.map(washBook), policy);
    for (const [id, wash] of accounts)
      if (id !== null)
        figures.set(id, { ...wash, adjustments: adjustments.filter((row) => row.accountId === id) });
  }
  return figures;
}

/** Most books of most days have none, and then nothing is put off. */
function hasLoss(closures: readonly LotClosure[]): boolean {
  return closures.some((row) => row.realized !== null && row.realized.plus(row.rolled).sign() < 0);
}

function washBook(input: WashInput): WashBook {
  const byRoot = new Map(input.activities.map((activity) => [activity.rootId, activity]));
  return {
    accountId: input.account.id,
    accountType: 'taxable',
    accountTypeOn: (day) =>
      isIra(accountTypeOn(input.elections, day) ?? input.accountType) ? 'ira' : 'taxable',
    lots: input.lots,
    closures: input.closures,
    instruments: input.instruments,
    activityOf: (rootId) => byRoot.get(rootId) ?? null,
    splits: splitsOf(input.activities),
  };
}

function isIra(type: AccountType | undefined): boolean {
  return type === 'ira' || type === 'roth_ira';
}

/** A split is two rows of one group: what was taken away and what was given. Shorts have the signs turned round. */
function splitsOf(activities: readonly Activity[]): NonNullable<WashBook['splits']> {
  const events = new Map<string, Activity[]>();
  for (const activity of activities) {
    if (activity.kind !== 'split' || activity.status !== 'ok' || activity.instrument === null) continue;
    const key = `${activity.instrument.id}|${activity.tradeDate}`;
    events.set(key, [...(events.get(key) ?? []), activity]);
  }
  const splits = new Map<InstrumentId, { at: Activity['executedAt']; from: Decimal; to: Decimal }[]>();
  for (const rows of events.values()) {
    const [from, to] = [-1, 1].map((sign) =>
      Decimal.sum(rows.filter((row) => row.quantity.sign() === sign).map((row) => row.quantity.abs())),
    ) as [Decimal, Decimal];
    if (from.isZero() || to.isZero()) continue;
    const first = rows[0]!;
    const isShort = first.details['side'] === 'short';
    const change = isShort ? { from: to, to: from } : { from, to };
    const id = first.instrument!.id;
    splits.set(id, [...(splits.get(id) ?? []), { at: first.executedAt, ...whole(change) }]);
  }
  return splits;
}

/** Both multiplied until neither has digits behind the point: whole numbers keep the matching exact. */
function whole({ from, to }: { from: Decimal; to: Decimal }): { from: Decimal; to: Decimal } {
  const digits = [from, to].map((value) => value.toString().split('.')[1]?.length ?? 0);
  const factor = Decimal.parse(`1e${Math.max(...digits)}`);
  return { from: from.times(factor), to: to.times(factor) };
}
