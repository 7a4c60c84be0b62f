/** Child processes that play seeds, as many at a time as asked; results come in the order of the seeds. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Edit } from './hooks.ts';
import type { SeedOrder, SeedResult } from './messages.ts';

export interface PoolOptions {
  readonly processes: number;
  readonly edits?: readonly Edit[];
}

/** A seed that the simulator itself could not play, or what escaped it: a defect of the simulator or a mutant that breaks everything. */
export class PlayFailure extends Error {}

interface Message {
  readonly ready?: true;
  readonly result?: SeedResult;
  readonly lost?: readonly string[];
  readonly seed?: number;
  readonly failed?: string;
}

/**
 * Plays the orders; `told` hears of each result as it comes. `told` answers false to end early. Throws `PlayFailure`.
 */
export async function playAll(
  orders: Iterable<SeedOrder>,
  { processes, edits = [] }: PoolOptions,
  told: (result: SeedResult, order: SeedOrder) => boolean | void,
): Promise<void> {
  const waiting = orders[Symbol.iterator]();
  let over = false;
  const player = async (): Promise<void> => {
    let child: Child | null = null;
    try {
      while (!over) {
        const next = waiting.next();
        if (next.done === true) return;
        child ??= await startChild(edits);
        if (told(await child.play(next.value), next.value) === false) over = true;
      }
    } finally {
      child?.end();
    }
  };
  await Promise.all(Array.from({ length: processes }, player));
}

interface Child {
  play(order: SeedOrder): Promise<SeedResult>;
  end(): void;
}

/** Loaded sources as the machine runs them: a child of a mutant differs in a file or two. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/truebook-sim', import.meta.url));

async function startChild(edits: readonly Edit[]): Promise<Child> {
  const file = fileURLToPath(new URL('./seedProcess.ts', import.meta.url));
  const child = fork(file, [JSON.stringify({ edits })], {
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      '--max-old-space-size=1500',
      '--max-semi-space-size=32',
    ],
    env: { ...process.env, NODE_COMPILE_CACHE: CACHE },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (part: Buffer) => (errors = `${errors}${part.toString()}`.slice(-4_000)));
  const answer = (): Promise<Message> => messageOf(child, () => errors);
  await answer();
  return {
    play: async (order) => {
      const answered = answer();
      child.send(order);
      const { result, lost = [], failed } = await answered;
      if (result === undefined) throw new PlayFailure(`seed ${order.seed} could not be played: ${failed}`);
      if (lost.length > 0)
        throw new PlayFailure(`seed ${order.seed} let a promise escape: ${lost.join('\n')}`);
      return result;
    },
    end: () => {
      child.disconnect();
    },
  };
}

function messageOf(child: ChildProcess, errors: () => string): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Message): void => {
      child.off('exit', onExit);
      resolve(message);
    };
    const onExit = (code: number | null): void => {
      child.off('message', onMessage);
      reject(new PlayFailure(`a playing process ended with ${code}: ${errors()}`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}
