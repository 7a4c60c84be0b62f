/** What a client remembers between reads: nothing of it is believed, it only saves asking again. */
import { type Activity } from '../../domain/activity.ts';
import { type Decimal } from '../../domain/decimal.ts';
import { type InstrumentId } from '../../domain/instrument.ts';
import { type OrderReference } from '../../domain/snapshot.ts';
import { type Instant } from '../../domain/time.ts';
import { type Known } from './accounts.ts';
import { type Anchor } from './anchor.ts';
import { createDirectory, type Directory } from './directory.ts';
import { type Problem } from './mapped.ts';
import { type WireOptionQuote } from './wireOptions.ts';

/** Market data of options as the newest read of positions got it, by contract id. */
export interface OptionData {
  readonly quotes: ReadonlyMap<string, WireOptionQuote>;
  readonly asked: ReadonlySet<string>;
  readonly startedAt: Instant;
  readonly monoMs: number;
}

/** The newest complete answer of a list that seldom changes. */
export interface Lane {
  readonly monoMs: number;
  readonly rows: readonly Activity[];
  /** Rows of it that were not understood: told again with it, as if it had just been read. */
  readonly quarantined: readonly QuarantinedInLane[];
}

export interface QuarantinedInLane {
  readonly problem: Problem;
  readonly raw: unknown;
  readonly sha256: string;
}

export interface CryptoMemory {
  /** The crypto account of this account; null = it has none, as of `askedMs`; undefined = never asked. */
  account: CryptoAccount | null | undefined;
  askedMs: number;
  /** Whether the newest balances showed coins; null = not stated. */
  shown: boolean | null;
  /** When coins were last held, on the monotonic clock. */
  heldMs: number | null;
}

export interface CryptoAccount {
  readonly id: string;
  readonly rhsAccountNumber: string | null;
}

export interface ClientState {
  known: Known | null;
  readonly directory: Directory;
  optionData: OptionData | null;
  /** By instrument: the side it is held on, for the signs of Greeks. */
  sides: ReadonlyMap<InstrumentId, 'long' | 'short'>;
  /** Contract id behind an instrument. */
  contractIds: ReadonlyMap<InstrumentId, string>;
  readonly lanes: Map<string, Lane>;
  readonly crypto: CryptoMemory;
  readonly orders: Map<string, OrderReference>;
  cash: Decimal | null;
  /** Null before positions were read. */
  quantities: ReadonlyMap<InstrumentId, Decimal> | null;
  anchor: Anchor | null;
}

export function createState(): ClientState {
  return {
    known: null,
    directory: createDirectory(),
    optionData: null,
    sides: new Map(),
    contractIds: new Map(),
    lanes: new Map(),
    crypto: { account: undefined, askedMs: 0, shown: null, heldMs: null },
    orders: new Map(),
    cash: null,
    quantities: null,
    anchor: null,
  };
}
