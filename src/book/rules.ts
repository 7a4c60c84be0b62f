/**
 * The rules of a fold: elections of the ledger, made quick to ask. Default: FIFO, fees in the basis.
 */
import {
  type Election,
  FEE_POLICIES,
  type FeePolicy,
  isValidOn,
  LOT_METHODS,
  type LotMethod,
} from '../domain/election.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type LotId } from '../domain/lot.ts';
import { type Currency } from '../domain/money.ts';
import { compareInstants, type TradeDate } from '../domain/time.ts';

export interface FoldRules {
  readonly elections: readonly Election[];
  /**
   * Instruments the broker has ever reported short. A sale of more than is known opens a short lot only there (or
   * where the fill itself says so); else the excess came from history nobody told us.
   */
  readonly shortsReported: ReadonlySet<InstrumentId> | 'all';
  readonly baseCurrency: Currency;
  readonly conventions?: Conventions;
}

/** Ways of other books, to be compared with them. Ours is the first of each. */
export interface Conventions {
  /** What HIFO and LOFO order by: cost with fees, or the price alone (rp2). */
  readonly costKey?: 'cost' | 'price';
  /** How a fee is dealt out: by quantity, or wholly to the first piece it touches (the trade builder of Lean). */
  readonly feeSharing?: 'by_quantity' | 'first_piece';
  /** Long-term: more than one year (26 USC 1222), or 365 days and more (rp2, rotki). */
  readonly term?: 'one_year' | '365_days';
}

export const DEFAULT_RULES: FoldRules = { elections: [], shortsReported: 'all', baseCurrency: 'USD' };

/** Elections as the fold asks for them. */
export interface Choices {
  readonly rules: FoldRules;
  readonly feeSharing: NonNullable<Conventions['feeSharing']>;
  readonly costKey: NonNullable<Conventions['costKey']>;
  readonly term: NonNullable<Conventions['term']>;
  readonly methods: ReadonlyMap<string | null, readonly Election[]>;
  readonly feePolicies: readonly Election[];
  readonly lotChoices: ReadonlyMap<string, Election>;
  /** By `basisKey`. */
  readonly bases: ReadonlyMap<string, Election>;
}

export function choicesOf(rules: FoldRules): Choices {
  const methods = new Map<string | null, Election[]>();
  const feePolicies: Election[] = [];
  const lotChoices = new Map<string, Election>();
  const bases = new Map<string, Election>();
  for (const election of rules.elections) {
    if (election.kind === 'lot_method' && (LOT_METHODS as readonly string[]).includes(election.choice)) {
      const of = methods.get(election.object);
      if (of === undefined) methods.set(election.object, [election]);
      else of.push(election);
    } else if (
      election.kind === 'fee_policy' &&
      (FEE_POLICIES as readonly string[]).includes(election.choice)
    )
      feePolicies.push(election);
    else if (election.object === null) continue;
    else if (election.kind === 'lot_choice') keepStronger(lotChoices, election.object, election);
    else if (election.kind === 'basis')
      keepStronger(bases, basisKey(election.object, election.details['settles']), election);
  }
  for (const of of methods.values()) of.sort(newestFirst);
  feePolicies.sort(newestFirst);
  const { feeSharing = 'by_quantity', costKey = 'cost', term = 'one_year' } = rules.conventions ?? {};
  return { rules, feeSharing, costKey, term, methods, feePolicies, lotChoices, bases };
}

/** `settles`: root id of the event whose doubt a basis settles; without one it is of the lot as it was acquired. */
export function basisKey(lot: LotId, settles: string | undefined): string {
  return settles === undefined ? lot : `${lot}|${settles}`;
}

/** The method for closes of an instrument on a day: its own election, else the account's, else FIFO. */
export function methodOn(choices: Choices, instrument: InstrumentId, date: TradeDate): LotMethod {
  if (choices.methods.size === 0) return 'FIFO';
  const own = choices.methods.get(instrument)?.find((election) => isValidOn(election, date));
  const found = own ?? choices.methods.get(null)?.find((election) => isValidOn(election, date));
  return (found?.choice ?? 'FIFO') as LotMethod;
}

export function feePolicyOn(choices: Choices, date: TradeDate): FeePolicy {
  if (choices.feePolicies.length === 0) return 'in_basis';
  const found = choices.feePolicies.find((election) => isValidOn(election, date));
  return (found?.choice ?? 'in_basis') as FeePolicy;
}

/** The broker's own assignment of lots wins over a person's; among equals the newest. */
function keepStronger(kept: Map<string, Election>, object: string, election: Election): void {
  const before = kept.get(object);
  if (before === undefined || !isWeaker(election, before)) kept.set(object, election);
}

function isWeaker(election: Election, than: Election): boolean {
  const rank = Number(election.source !== 'user') - Number(than.source !== 'user');
  return rank !== 0 ? rank < 0 : compareInstants(election.firstSeenAt, than.firstSeenAt) < 0;
}

function newestFirst(left: Election, right: Election): number {
  return compareInstants(right.firstSeenAt, left.firstSeenAt);
}
