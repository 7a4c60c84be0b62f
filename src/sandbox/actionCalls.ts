/** What a control call says of a corporate action, as the action itself. Throws `Refusal` for terms that make no sense. */
import { Decimal } from '../domain/decimal.ts';
import { type CorporateAction, type Publish } from './entries.ts';
import { Refusal } from './refusal.ts';

interface Common {
  readonly symbol: string;
  /** When the rows are listed; positions follow at once. */
  readonly publish?: Publish;
}

interface SplitCall extends Common {
  readonly kind: 'split';
  readonly newShares: Decimal;
  readonly oldShares: Decimal;
  readonly cashInLieu: Decimal | null;
}

interface RenameCall extends Common {
  readonly kind: 'rename';
  readonly to: string;
}

/** `newShares` of `to` for each `perOld` held; `basisFraction` of the cost, above 0 and below 1, goes with them. */
interface SpinOffCall extends Common {
  readonly kind: 'spinoff';
  readonly to: string;
  readonly newShares: Decimal;
  readonly perOld: Decimal;
  /** Null: the broker has not worked it out. */
  readonly basisFraction: Decimal | null;
  readonly cashInLieu: Decimal | null;
}

/** Shares (`to`, `newShares`, `perOld` together), cash, or both. */
interface MergerCall extends Common {
  readonly kind: 'merger';
  readonly to: string | null;
  readonly newShares: Decimal | null;
  readonly perOld: Decimal | null;
  readonly cashPerShare: Decimal | null;
  readonly cashInLieu: Decimal | null;
}

export type CorporateActionCall = SplitCall | RenameCall | SpinOffCall | MergerCall;

type Given = Pick<CorporateAction, 'id' | 'serial' | 'at' | 'publishedAt' | 'symbol' | 'to' | 'cashAt'>;

export function actionOf(call: CorporateActionCall, given: Given): CorporateAction {
  const plain = {
    ...given,
    kind: call.kind,
    newShares: Decimal.one,
    oldShares: Decimal.one,
    cashPerShare: null,
    basisFraction: null,
    cashInLieu: null,
  };
  if (call.kind === 'rename') return plain;
  if (call.kind === 'split')
    return { ...plain, newShares: call.newShares, oldShares: call.oldShares, cashInLieu: call.cashInLieu };
  if (call.kind === 'merger') return { ...plain, ...mergerTerms(call) };
  const { newShares, perOld, basisFraction, cashInLieu } = call;
  if (basisFraction !== null && (basisFraction.sign() <= 0 || basisFraction.compare(Decimal.one) >= 0))
    throw new Refusal('basisFraction must lie between 0 and 1');
  return { ...plain, newShares, oldShares: perOld, basisFraction, cashInLieu };
}

function mergerTerms(
  call: MergerCall,
): Pick<CorporateAction, 'newShares' | 'oldShares' | 'cashPerShare' | 'cashInLieu'> {
  const { to, newShares, perOld, cashPerShare, cashInLieu } = call;
  const given = [to, newShares, perOld].filter((one) => one !== null).length;
  if (given !== 0 && given !== 3) throw new Refusal('to, newShares and perOld go together');
  if (given === 0 && cashPerShare === null)
    throw new Refusal('a merger gives shares (to, newShares, perOld), cashPerShare, or both');
  if (given === 0 && cashInLieu !== null) throw new Refusal('cashInLieu goes with shares: there are none');
  return {
    newShares: newShares ?? Decimal.zero,
    oldShares: perOld ?? Decimal.one,
    cashPerShare,
    cashInLieu,
  };
}
