/** When Alpaca lists what it did not list at once (alpaca.md 5.5): option events in the morning of the next day. */
import { type Capabilities } from '../broker.ts';

export const LATE_PUBLISHING = {
  time: '09:00',
  daysLater: 1,
} as const satisfies Capabilities['latePublishing'];
