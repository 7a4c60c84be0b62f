/** What every face is given: the truth, the time, the faults and the log it writes its requests to. */
import { type SandboxClock } from './clock.ts';
import { type Faults } from './faults.ts';
import { type Ledger } from './ledger.ts';
import { type RequestLog } from './requests.ts';
import { type Seeded } from './seeded.ts';

export interface World {
  readonly clock: SandboxClock;
  readonly ledger: Ledger;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly seeded: Seeded;
}
