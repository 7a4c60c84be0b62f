/** Requests carry what kind of answer they want (a dry run commits nothing) and the answer itself; bankroll entries name their run. */
import { columns, type Migration } from './definition.ts';

export const syncParts: Migration = {
  version: 3,
  name: 'sync_parts',
  // `answer`: what the run changed or would change, as JSON; a dry run has no run to point at.
  statements: (dialect) => [
    ...columns(dialect, 'sync_request', ['dry_run flag DEFAULT FALSE', 'answer json?']),
    ...columns(dialect, 'bankroll_entry', ['run_id integer? REFERENCES sync_run (id)']),
  ],
};
