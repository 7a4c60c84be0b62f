/** What goes out: only reads of the table written down here, within the budget of each key. */
import { type AccountName } from '../brokerage.ts';
import { type SimRequest } from '../network.ts';
import { type InvariantId } from './invariants.ts';

/** Written apart from the product's own table, so that both must be wrong alike. */
const ALLOWED: readonly RegExp[] = [
  /^https:\/\/(paper-)?api\.alpaca\.markets\/v2\/(account|positions|account\/activities|account\/portfolio\/history|orders|orders\/[\w-]+|clock|calendar|options\/contracts\/[\w.]+)$/,
  /^https:\/\/data\.alpaca\.markets\/v1\/corporate-actions$/,
  /^https:\/\/data\.alpaca\.markets\/(v2\/stocks|v1beta1\/options|v1beta3\/crypto\/us)\/snapshots$/,
];

/** Alpaca's own limit per key and minute. */
const PER_MINUTE = 200;

export class Traffic {
  requests = 0;
  readonly #hold: (invariant: InvariantId, holds: boolean, says: () => string) => void;
  readonly #sent = new Map<AccountName, number[]>();

  constructor(hold: (invariant: InvariantId, holds: boolean, says: () => string) => void) {
    this.#hold = hold;
  }

  see({ url, account }: SimRequest, nowMs: number): void {
    this.requests += 1;
    const address = `${url.origin}${url.pathname}`;
    this.#hold(
      'I26',
      ALLOWED.some((row) => row.test(address)),
      () => `${address} is not among the reads`,
    );
    const sent = (this.#sent.get(account) ?? []).filter((ms) => ms > nowMs - 60_000);
    sent.push(nowMs);
    this.#sent.set(account, sent);
    this.#hold(
      'I24',
      sent.length <= PER_MINUTE,
      () => `${sent.length} requests in a minute with the key of ${account}`,
    );
  }
}
