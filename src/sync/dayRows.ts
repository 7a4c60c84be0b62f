/** Proofs as rows of `balance_day`, and which of them differ from what is stored. Pure. */
import { type DayProof } from '../book/dayProof.ts';
import { type Decimal } from '../domain/decimal.ts';
import { type Currency } from '../domain/money.ts';
import { type TradeDate } from '../domain/time.ts';
import { type ProvedDay } from './dayProof.ts';

/** The proof's part of a row; its end is the row's own equity. */
export interface ProofColumns {
  readonly start: Decimal | null;
  readonly flows: Decimal | null;
  readonly transfers: Decimal | null;
  readonly realized: Decimal | null;
  readonly unrealizedChange: Decimal | null;
  readonly income: Decimal | null;
  readonly fees: Decimal | null;
  readonly fx: Decimal | null;
  readonly corrections: Decimal | null;
  readonly residual: Decimal | null;
  readonly residualState: DayProof['state'];
}

const NO_PARTS: ProofColumns = {
  start: null,
  flows: null,
  transfers: null,
  realized: null,
  unrealizedChange: null,
  income: null,
  fees: null,
  fx: null,
  corrections: null,
  residual: null,
  residualState: 'unknown',
};

export interface StoredProof {
  readonly tradeDate: TradeDate;
  readonly currency: Currency;
  /** Null while nobody worked one out. */
  readonly proof: ProofColumns | null;
}

/**
 * A day of which nobody knows how it began has no parts, also while something of it is awaited: they would be those since
 * wherever the fold began, and what happened before the day cannot be told from them.
 */
export function proofColumnsOf(proof: DayProof): ProofColumns {
  if (proof.startEquity === null) return { ...NO_PARTS, residualState: proof.state };
  const { startEquity, flows, transfers, realized, unrealizedChange, income, fees, fx } = proof;
  const { corrections, residual, state } = proof;
  return {
    start: startEquity,
    ...{ flows, transfers, realized, unrealizedChange, income, fees, fx, corrections, residual },
    residualState: state,
  };
}

/** Days to write: a second pass over the same facts has none. */
export function changedProofs(
  days: readonly ProvedDay[],
  stored: readonly StoredProof[],
): readonly ProvedDay[] {
  const before = new Map(stored.map((row) => [`${row.tradeDate} ${row.currency}`, textOf(row.proof)]));
  return days.filter(
    ({ proof }) => before.get(`${proof.date} ${proof.currency}`) !== textOf(proofColumnsOf(proof)),
  );
}

/** Decimals are canonical text in JSON, so equal rows give equal text. */
function textOf(proof: ProofColumns | null): string | null {
  if (proof === null) return null;
  const { start, flows, transfers, realized, unrealizedChange, income, fees, fx } = proof;
  const { corrections, residual, residualState } = proof;
  return JSON.stringify([
    ...[start, flows, transfers, realized, unrealizedChange, income, fees, fx, corrections, residual],
    residualState,
  ]);
}
