/** Keys that are wrong, revoked, or somebody else's; and a broker whose clock is wrong. */
import { type FaultRow } from '../trial.ts';
import { PAPER } from '../trialWorld.ts';
import { moveOf } from './moves.ts';

const WRONG_SECRET = 'wr0ngSecretOfAnotherDay4711wr0ngSecret00';

/** The broker's clock is off by `ms`, in its Date header and in `/v2/clock`, for three runs. */
function brokerClock(id: string, words: string, ms: number): FaultRow {
  return {
    id,
    name: `the broker's clock ${words}`,
    catalogue: ['T59'],
    made: 'its Date header and its market clock say so',
    ends: ['complete', 'complete', 'complete'],
    play: async (trial) => {
      trial.fault(null, 'clock-skew', { at: ms });
      for (let run = 0; run < 3; run += 1) await trial.cycle('5m', moveOf(run));
    },
  };
}

export const CREDENTIAL_ROWS: readonly FaultRow[] = [
  {
    id: 'keys-wrong',
    name: 'wrong keys from the start',
    catalogue: [],
    made: 'a secret key that never was one; then the right one is entered',
    firstContact: true,
    ends: ['broker_auth', 'broker_auth'],
    play: async (trial) => {
      trial.secrets.push({ name: 'wrong secret', value: WRONG_SECRET });
      await trial.restart({ ALPACA_SECRET_KEY__PAPER: WRONG_SECRET });
      for (const run of [0, 1]) await trial.cycle('5m', moveOf(run));
      await trial.restart();
    },
  },
  {
    id: 'keys-expired',
    name: 'keys that worked are refused in mid-life',
    catalogue: [],
    made: '401 for every request, then they work again',
    ends: ['broker_auth', 'broker_auth', 'broker_auth'],
    play: async (trial) => {
      trial.fault('auth', 'session-expired');
      for (let run = 0; run < 3; run += 1) await trial.cycle('5m', moveOf(run));
    },
  },
  {
    id: 'keys-revoked',
    name: 'keys are revoked and replaced by new ones',
    catalogue: [],
    made: 'the account gets new keys; two runs later they are entered',
    ends: ['broker_auth', 'broker_auth'],
    play: async (trial) => {
      const [made] = trial.world.control('account', { account: PAPER, action: 'new-keys' });
      const [keyId, secretKey] = [String(made!['keyId']), String(made!['secretKey'])];
      trial.secrets.push({ name: 'new key', value: keyId }, { name: 'new secret', value: secretKey });
      for (const run of [0, 1]) await trial.cycle('5m', moveOf(run));
      await trial.restart({ ALPACA_API_KEY__PAPER: keyId, ALPACA_SECRET_KEY__PAPER: secretKey });
    },
  },
  {
    id: 'keys-other-host',
    name: 'a paper key on the live host',
    catalogue: [],
    made: 'the address of the paper account is that of the live host; then it is set right',
    ends: ['broker_auth', 'broker_auth'],
    play: async (trial) => {
      await trial.restart({ ALPACA_PAPER_URL: trial.world.sandbox.ready.alpaca.live.tradingUrl });
      for (const run of [0, 1]) await trial.cycle('5m', moveOf(run));
      await trial.restart();
    },
  },
  {
    id: 'keys-other-account',
    name: 'the keys of another account are entered',
    catalogue: ['T11'],
    made: 'address and keys of the live account for the paper one; then they are set right',
    ends: ['wrong_account', 'wrong_account'],
    play: async (trial) => {
      const { live } = trial.world.sandbox.ready.alpaca;
      await trial.restart({
        ALPACA_PAPER_URL: live.tradingUrl,
        ALPACA_API_KEY__PAPER: live.keyId,
        ALPACA_SECRET_KEY__PAPER: live.secretKey,
      });
      for (const run of [0, 1]) await trial.cycle('5m', moveOf(run));
      await trial.restart();
    },
  },
  brokerClock('broker-clock-ahead', 'runs 90 s ahead', 90_000),
  brokerClock('broker-clock-behind', 'lags 90 s behind', -90_000),
  brokerClock('broker-clock-hours-ahead', 'runs 5 hours ahead', 5 * 3_600_000),
  brokerClock('broker-clock-hours-behind', 'lags 5 hours behind', -5 * 3_600_000),
];
