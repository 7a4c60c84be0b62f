/** What happens at the broker while a fault hides it: bought, partly sold, sold out, paid in. */
import { type Move } from '../trial.ts';
import { PAPER } from '../trialWorld.ts';

const trade =
  (symbol: string, side: 'buy' | 'sell', quantity: string, price: string): Move =>
  (world) =>
    void world.control('trade', { account: PAPER, symbol, side, quantity, price });

const MOVES: readonly Move[] = [
  trade('NEWCO', 'buy', '7', '12.34'),
  trade('AAPL', 'sell', '10', '231.5'),
  // The whole of it: a position that is truly gone, while the fault makes others look gone.
  trade('VTI', 'sell', '1.6', '301.25'),
  (world) => void world.control('cash', { account: PAPER, kind: 'deposit', amount: '250.75' }),
];

/** The move before the run numbered from 0; nothing after the last. */
export function moveOf(run: number): Move | undefined {
  return MOVES[run];
}
