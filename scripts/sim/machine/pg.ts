/**
 * Takes the place of the `pg` package for the store at level 2: the real server, with a kill or an error at every point of
 * every transaction, and a count of what is on its way.
 */
import realPg from 'pg';
import { type Handle, type SimProcess } from '../process.ts';
import { currentProcess, Killed } from '../stage.ts';
import { waiting } from './waiting.ts';
import { LEASE_OF_RUN, witness } from './witness.ts';

const WRITES = /^\s*(insert|update|delete)/i;
const RUNS = /^\s*insert into "?sync_run"?\b/i;

type Answer = Promise<realPg.QueryResult>;

/** A process that is gone hears nothing any more. */
function silence(): Answer {
  return new Promise(() => undefined);
}

function refused(code: string, message: string): Answer {
  return Promise.reject(Object.assign(new Error(message), { code }));
}

class SimClient extends realPg.Client implements Handle {
  readonly #process: SimProcess = currentProcess();
  #wroteRun = false;

  drop(): void {
    (this as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  ask(text: string, send: () => Answer): Answer {
    const process = this.#process;
    const { disk } = process.around;
    try {
      process.storePoint(text === 'COMMIT' || text === 'commit' ? 'before COMMIT' : 'before a statement');
    } catch (error) {
      if (error instanceof Killed) return silence();
      throw error;
    }
    if (WRITES.test(text)) {
      if (disk.meets('busy')) return refused('40001', 'could not serialize access');
      if (disk.meets('full')) return refused('53100', 'could not extend file: No space left on device');
      if (disk.meets('readonly')) return refused('25006', 'cannot execute INSERT in a read-only transaction');
      if (disk.meets('write-error')) return refused('58030', 'could not write block');
    }
    if (!/^commit$/i.test(text)) {
      return counted(send()).then((result) => {
        if (RUNS.test(text) && result.rows.length > 0) this.#wroteRun = true;
        if (/^(begin|start|rollback)/i.test(text)) this.#wroteRun = false;
        return this.#point(WRITES.test(text) ? 'after a write' : 'after a read', result);
      });
    }
    return this.#commit(send);
  }

  async #commit(send: () => Answer): Answer {
    const process = this.#process;
    const wroteRun = this.#wroteRun;
    this.#wroteRun = false;
    if (wroteRun) {
      const { rows } = await counted(super.query<Record<string, unknown>>(LEASE_OF_RUN));
      witness().beforeCommit(process, rows);
    }
    if (wroteRun && process.around.disk.meets('lost-connection')) {
      const lost = counted(send());
      this.drop();
      return lost;
    }
    const result = await counted(send());
    if (wroteRun) witness().afterCommit(process);
    return this.#point('after COMMIT', result);
  }

  #point(name: string, result: realPg.QueryResult): Answer {
    try {
      this.#process.storePoint(name);
      return Promise.resolve(result);
    } catch (error) {
      if (error instanceof Killed) return silence();
      throw error;
    }
  }
}

/** Both forms: the pool's with a callback, and the promise. */
const plainConnect = realPg.Client.prototype.connect as (...given: unknown[]) => Promise<void> | void;
SimClient.prototype.connect = function (this: SimClient, callback?: (error: Error | null) => void): unknown {
  currentProcess().handles.add(this);
  waiting.answers += 1;
  const arrived = (): void => void (waiting.answers -= 1);
  if (callback === undefined) return (plainConnect.call(this) as Promise<void>).finally(arrived);
  return plainConnect.call(this, (error: Error | null) => {
    arrived();
    callback(error);
  });
} as typeof SimClient.prototype.connect;

/** Every way to ask goes through `ask`; calls with a callback are the pool's own and are only waited for. */
const plainQuery = realPg.Client.prototype.query as (...given: unknown[]) => Answer;
SimClient.prototype.query = function (this: SimClient, ...given: unknown[]): Answer {
  const [text] = given;
  const told = given.at(-1);
  if (typeof told === 'function') {
    waiting.answers += 1;
    const hear = (...answer: unknown[]): void => {
      waiting.answers -= 1;
      (told as (...given: unknown[]) => void)(...answer);
    };
    return plainQuery.apply(this, [...given.slice(0, -1), hear]);
  }
  if (typeof text !== 'string') return counted(plainQuery.apply(this, given));
  return this.ask(text, () => plainQuery.apply(this, given));
} as typeof SimClient.prototype.query;

function counted<Result>(answer: Promise<Result>): Promise<Result> {
  waiting.answers += 1;
  return answer.finally(() => (waiting.answers -= 1));
}

class SimPool extends realPg.Pool {
  constructor(options: realPg.PoolConfig) {
    super({ ...options, Client: SimClient } as unknown as realPg.PoolConfig);
  }

  /** A program that closes its book is over only then: time must not pass it by. */
  override end(callback?: () => void): Promise<void> {
    const ended = counted(super.end());
    if (callback !== undefined) void ended.then(callback);
    return ended;
  }
}

export default { ...realPg, Pool: SimPool };
