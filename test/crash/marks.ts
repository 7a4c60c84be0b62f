/**
 * What the process that will be killed says on its way, one line of JSON each. A line is written in one piece before
 * the next step begins, so what was read of it really happened; a line that was cut off did not.
 */

/** A commit whose answer the process had in its hands: from now on nothing of it may be lost. */
export interface Acknowledgement {
  readonly mark: 'acknowledged';
  readonly accountId: number;
  /** Null: the process claims it without having seen a run (only a broken one does). */
  readonly runId: number | null;
  readonly outcome: string;
  /** `rootId#rev` of every activity it wrote. */
  readonly revisions: readonly string[];
  readonly events: number;
  readonly outbox: number;
  /** Where it moved the cursor of the activities, null when it did not. */
  readonly cursor: string | null;
}

export type Mark =
  | { readonly mark: 'ready' }
  | { readonly mark: 'run'; readonly accountId: number }
  | { readonly mark: 'leased'; readonly accountId: number; readonly fence: number }
  | { readonly mark: 'held'; readonly accountId: number; readonly processId: number }
  | { readonly mark: 'reading'; readonly path: string }
  | { readonly mark: 'committing'; readonly accountId: number }
  /** The first row of a run goes to the database now; `backend`: the PostgreSQL server process it goes to. */
  | { readonly mark: 'writing'; readonly backend: number }
  /** COMMIT of a run goes to the database now. */
  | { readonly mark: 'sealing'; readonly backend: number | null }
  | Acknowledgement
  | { readonly mark: 'refused'; readonly accountId: number; readonly error: string }
  | {
      readonly mark: 'finished';
      readonly accountId: number;
      readonly outcome: string | null;
      readonly error: string | null;
    };

/** Deliberate faults of the killed process: each must be found, else the trial proves nothing. */
export type Harm = 'cursors-first' | 'acknowledge-first';

/** What the process is told when it starts, as JSON in its first argument. */
export interface WorkerOrders {
  /** Folder with `sandbox.env`; also its working folder. */
  readonly folder: string;
  /** `file:` address of the sources to run, with a slash at its end. */
  readonly source: string;
  readonly harm: Harm | null;
}

/** Splits what arrives into whole lines; what has no line end yet (or never gets one) is kept back. */
export function markReader(onMark: (mark: Mark) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onMark(JSON.parse(line) as Mark);
  };
}
