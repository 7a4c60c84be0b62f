/** A ledger of more than two pages, which is not read whole in every run. */
import { type Trial } from '../trial.ts';
import { PAPER } from '../trialWorld.ts';

const TRADES = 230;

/** Trades of the day before: call it before the healthy run that a row begins with. */
export function tradeLong(trial: Trial): void {
  for (let number = 0; number < TRADES; number += 1) {
    const minute = String(number % 60).padStart(2, '0');
    trial.world.control('trade', {
      account: PAPER,
      symbol: 'OLD',
      side: 'buy',
      quantity: '1',
      price: '10',
      at: `2025-08-20T${14 + Math.floor(number / 60)}:${minute}:00Z`,
    });
  }
}
