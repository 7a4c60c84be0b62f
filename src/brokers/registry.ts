/** Every broker Truebook can read, as a literal table: a new one is a folder and a line here. */
import { type BrokerName } from '../domain/account.ts';
import { ALPACA_CAPABILITIES, openAlpaca } from './alpaca/alpaca.ts';
import { type Capabilities } from './broker.ts';

export interface BrokerEntry {
  /** As people write it. */
  readonly title: string;
  readonly capabilities: Capabilities;
}

export const brokers = {
  alpaca: { title: 'Alpaca', capabilities: ALPACA_CAPABILITIES, open: openAlpaca },
} satisfies Partial<Record<BrokerName, BrokerEntry & { open: unknown }>>;
