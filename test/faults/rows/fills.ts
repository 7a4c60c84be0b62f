/** Fills that come late, twice, are corrected or taken back. */
import { decimal } from '../../../src/domain/decimal.ts';
import { type FaultRow, type Trial } from '../trial.ts';
import { PAPER } from '../trialWorld.ts';
import { moveOf } from './moves.ts';

/** Buys and answers the id of the fill as the wire shows it. */
function buy(trial: Trial, symbol: string, quantity: string, price: string, more: object = {}): string {
  const [made] = trial.world.control('trade', {
    account: PAPER,
    symbol,
    side: 'buy',
    quantity,
    price,
    ...more,
  });
  return String(made!['id']);
}

function amend(trial: Trial, fill: string, kind: 'correct' | 'bust', values: object = {}): void {
  trial.world.control('amend', { account: PAPER, fill, kind, ...values });
}

export const FILL_ROWS: readonly FaultRow[] = [
  {
    id: 'fills-identical',
    name: 'two genuine fills that look alike',
    catalogue: ['T19'],
    made: 'same instant, symbol, side, quantity and price, two executions; then two more',
    ends: ['complete', 'complete'],
    play: async (trial) => {
      for (let run = 0; run < 2; run += 1) {
        const twin = { at: '2025-08-21T15:00:00Z' };
        await trial.cycle('5m', () => {
          buy(trial, 'TWIN', '5', '10', twin);
          buy(trial, 'TWIN', '5', '10', twin);
        });
      }
    },
  },
  {
    id: 'fills-next-day',
    name: 'fills listed the next day only',
    catalogue: ['T17'],
    made: 'position and cash move at once, the activity comes at 04:30 New York',
    ends: ['complete', 'complete', 'complete'],
    delay: '1d',
    play: async (trial) => {
      const late = { publish: 'next-day' };
      await trial.cycle('5m', () => void buy(trial, 'LATE', '7', '10', late));
      await trial.cycle(
        '5m',
        (world) =>
          void world.control('trade', {
            account: PAPER,
            symbol: 'VTI',
            side: 'sell',
            quantity: '1.6',
            price: '301',
            ...late,
          }),
      );
      await trial.cycle('5m');
    },
  },
  {
    id: 'fills-five-days',
    name: 'fills listed five days late',
    catalogue: ['T17'],
    made: 'every activity since the fault began is withheld, positions and cash are not; two runs a day',
    ends: Array<string>(10).fill('complete'),
    play: async (trial) => {
      trial.fault('activities', 'late');
      for (let run = 0; run < 10; run += 1) await trial.cycle('12h', moveOf(run));
    },
  },
  {
    id: 'fills-corrected',
    name: 'a fill is corrected, and the correction is corrected',
    catalogue: ['T18'],
    made: 'the same id with another price, then another quantity',
    ends: ['complete', 'complete', 'complete'],
    play: async (trial) => {
      let fill = '';
      await trial.cycle('5m', () => void (fill = buy(trial, 'CORR', '3', '10')));
      await trial.cycle('5m', () => amend(trial, fill, 'correct', { quantity: '3', price: '9.5' }));
      await trial.cycle('5m', () => amend(trial, fill, 'correct', { quantity: '4', price: '9.5' }));
    },
  },
  {
    id: 'fills-corrected-back',
    name: 'a correction returns to what the fill said first',
    catalogue: ['T18'],
    made: 'another price, then the first one again: believed on its second sight',
    ends: ['complete', 'complete', 'complete'],
    healthyRuns: 2,
    play: async (trial) => {
      let fill = '';
      await trial.cycle('5m', () => void (fill = buy(trial, 'CORR', '3', '10')));
      await trial.cycle('5m', () => amend(trial, fill, 'correct', { quantity: '3', price: '9.5' }));
      await trial.cycle('5m', () => amend(trial, fill, 'correct', { quantity: '3', price: '10' }));
    },
  },
  {
    id: 'fills-corrected-old',
    name: 'a fill of five weeks ago is corrected',
    catalogue: ['T18'],
    made: 'the oldest purchase of the account at another price',
    ends: ['complete'],
    play: async (trial) => {
      const oldest = trial.world.truth().fills.find((fill) => fill.symbol === 'AAPL' && fill.side === 'buy')!;
      const price = decimal(oldest.price).plus(decimal('1.25')).toString();
      await trial.cycle('5m', () => amend(trial, oldest.id, 'correct', { quantity: oldest.quantity, price }));
    },
  },
  {
    id: 'fills-busted',
    name: 'fills are taken back, a purchase and a sale',
    catalogue: ['T18'],
    made: 'the same id with status canceled; the sale had closed its position',
    ends: ['complete', 'complete', 'complete', 'complete'],
    play: async (trial) => {
      let fill = '';
      let sale = '';
      await trial.cycle('5m', () => void (fill = buy(trial, 'BUST', '3', '10')));
      await trial.cycle('5m', (world) => {
        const terms = { account: PAPER, symbol: 'VTI', side: 'sell', quantity: '1.6', price: '301' };
        sale = String(world.control('trade', terms)[0]!['id']);
      });
      await trial.cycle('5m', () => amend(trial, fill, 'bust'));
      await trial.cycle('5m', () => amend(trial, sale, 'bust'));
    },
  },
  {
    id: 'fills-relisted',
    name: 'the same fills are listed in every answer, twice each',
    catalogue: [],
    made: 'each row of every list two times, for a day of runs',
    ends: Array<string>(8).fill('complete'),
    play: async (trial) => {
      trial.fault('activities', 'duplicate');
      for (let run = 0; run < 8; run += 1) await trial.cycle('3h', moveOf(run));
    },
  },
];
