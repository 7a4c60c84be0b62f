/** The rules by which a cause is claimed while the broker has not said what happened, and how sure each may be. */
import { type Confidence } from '../../domain/finding.ts';

interface Rule {
  /** The most it may claim. */
  readonly ceiling: Confidence;
  /** The broker itself says so: no second look is needed. */
  readonly isProof: boolean;
  /** Whether the guess stands while the difference stays: what it was concluded from is seen only once. */
  readonly stands: boolean;
}

const PROOF = { isProof: true, stands: false } as const;
const SEEN_ONCE = { isProof: false, stands: true } as const;
const SEEN_AGAIN = { isProof: false, stands: false } as const;

export const RULES = {
  /** The broker lists the activities; this run may not write them. */
  unbooked: { ceiling: 'likely', ...PROOF },
  /** An order executed more, less or dearer than the listed fills, and that is exactly the difference. */
  order: { ceiling: 'certain', isProof: true, stands: true },
  /** The same, but something else moved the instrument as well. */
  order_among_others: { ceiling: 'possible', isProof: true, stands: false },
  /** A contract went, its shares moved and the strike was paid: all three fit. */
  delivery: { ceiling: 'likely', ...SEEN_ONCE },
  /** The shares or the money of a delivery fit, not both. */
  delivery_in_part: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Both fit, but nobody delivers at a loss, or no mark tells. */
  delivery_at_a_loss: { ceiling: 'possible', ...SEEN_AGAIN },
  /** A worthless contract went after its last day, and nothing else moved. */
  expiry: { ceiling: 'likely', ...SEEN_ONCE },
  /** A contract went after its last day, but it was worth something, or more moved. */
  after_last_day: { ceiling: 'possible', ...SEEN_AGAIN },
  /** The quantity changed by an exact ratio; cost and value did not. */
  split: { ceiling: 'likely', ...SEEN_ONCE },
  /** One name went and another came with its quantity and cost. */
  rename: { ceiling: 'likely', ...SEEN_ONCE },
  /** A new holding took its cost from one that is still there. */
  spinoff: { ceiling: 'likely', ...SEEN_ONCE },
  /** One holding went and another came by an exact ratio, with its cost. */
  merger: { ceiling: 'likely', ...SEEN_ONCE },
  /** A corporate action would fit, but a figure that tells is missing. */
  action_in_part: { ceiling: 'possible', ...SEEN_ONCE },
  /** The account's own totals still count what its list of positions does not, or the other way round. */
  totals: { ceiling: 'likely', ...SEEN_ONCE },
  /** The broker still says what it said before the newest activities. */
  behind: { ceiling: 'possible', ...SEEN_ONCE },
  /** The broker's quantity is the book's with fewer digits, and its average lost digits too. */
  rounding: { ceiling: 'likely', ...SEEN_ONCE },
  /** The quantity alone: units that left may look like that. */
  rounding_perhaps: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Coins of a day's trades went, as fees in coins do. */
  coin_fee: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Units and money moved as if a listed fill had been taken back. */
  reversed_fill: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Units and money moved as in a trade near the market price. */
  like_a_trade: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Units moved and no money. */
  without_money: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Nobody looked for long, or history was not read to its beginning. */
  history_gap: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Money moved, and nothing else. */
  money_alone: { ceiling: 'possible', ...SEEN_AGAIN },
  /** Nothing fits. */
  unexplained: { ceiling: 'possible', ...SEEN_AGAIN },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof RULES;

export function isRule(name: string): name is RuleName {
  return Object.hasOwn(RULES, name);
}

export function ruleOfName(name: RuleName): Rule {
  return RULES[name];
}

/** Two complete looks at least this far apart confirm what the broker gives no proof of (design section 4.7). */
export const CONFIRMATION_GAP_MS = 15 * 60_000;
