/**
 * Questions and their answers: typed on a terminal, or piped line by line. On a terminal nothing is shown before it is
 * asked for: what is typed ahead waits unseen, so that a secret typed too early never stands on the screen.
 */
import { TruebookError } from '../domain/errors.ts';
import { terminalFacts } from '../platform.ts';

export interface Question {
  /** What is asked, without a colon: `Broker`. */
  readonly text: string;
  /** Taken on an empty answer, and at the end of piped answers. Null: an answer is needed. */
  readonly fallback: string | null;
  /** Never shown while it is typed. */
  readonly hidden?: boolean;
  /** How to give it without a terminal: `--key-id`. */
  readonly otherwise: string;
  /** What is wrong with an answer, null where nothing is; a terminal asks again. */
  readonly problem?: (answer: string) => string | null;
}

export interface Answers {
  /** True on a terminal: a person can be asked again. */
  readonly interactive: boolean;
  /** Throws `usage` where no answer is left or a piped one cannot be used, `stopped` when somebody wants to stop. */
  ask(question: Question): Promise<string>;
  /** A secret alone: typed unseen after the prompt, or all that is piped in, without the line break at its end. */
  secret(prompt: string): Promise<string>;
  /** A sentence between two questions. */
  say(sentence: string): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** `stop` ends a question that is waiting; `interrupt` is called for Ctrl+C between two questions. */
export function openAnswers(stop: AbortSignal, interrupt: () => void): Answers {
  return terminalFacts().stdin ? typedAnswers(stop, interrupt) : pipedAnswers(stop);
}

function stopped(): TruebookError {
  return new TruebookError('stopped', 'Stopped; nothing was written.');
}

// ---- on a terminal ---------------------------------------------------------------------------------------------

function typedAnswers(stop: AbortSignal, interrupt: () => void): Answers {
  const keyboard = openKeyboard(stop, interrupt);
  return {
    interactive: true,
    async ask(question) {
      const { text, fallback, hidden, problem } = question;
      for (;;) {
        const prompt = fallback === null || fallback === '' ? `${text}: ` : `${text} [${fallback}]: `;
        const typed = (await keyboard.line(prompt, hidden === true)).trim();
        const answer = typed === '' ? fallback : typed;
        const wrong = answer === null ? 'An answer is needed.' : (problem?.(answer) ?? null);
        if (answer !== null && wrong === null) return answer;
        process.stderr.write(`${wrong ?? ''}\n`);
      }
    },
    secret: (prompt) => keyboard.line(prompt, true),
    say: (sentence) => void process.stderr.write(`${sentence}\n`),
    close: () => keyboard.close(),
  };
}

const ENTER = ['\r', '\n', '\u0004'];
const ERASE = ['\u007f', '\b'];
const INTERRUPT = '\u0003';
/** What arrow keys and the like send. */
const KEY_SEQUENCE = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|O.|.)?/g;

export interface Keyboard {
  /** One line, typed after the prompt. Throws `stopped` on Ctrl+C. */
  line(prompt: string, hidden: boolean): Promise<string>;
  close(): void;
}

/** Raw mode throughout, because in the usual one the terminal itself shows what is typed. */
export function openKeyboard(stop: AbortSignal, interrupt: () => void): Keyboard {
  const { stdin, stderr } = process;
  let typedAhead: string[] = [];
  let take: ((character: string) => void) | null = null;
  const hear = (text: string): void => {
    for (const character of text.replaceAll(KEY_SEQUENCE, '')) {
      if (character === INTERRUPT && take === null) interrupt();
      else if (take === null) typedAhead.push(character);
      else take(character);
    }
  };
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.on('data', hear);
  stdin.resume();
  return {
    async line(prompt, hidden) {
      if (stop.aborted) throw stopped();
      stderr.write(prompt);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      let typed: string[] = [];
      const end = (finish: () => void): void => {
        take = null;
        stderr.write('\n');
        finish();
      };
      take = (character) => {
        if (ENTER.includes(character)) end(() => resolve(typed.join('')));
        else if (character === INTERRUPT) end(() => reject(stopped()));
        else if (ERASE.includes(character)) {
          if (typed.length > 0 && !hidden) stderr.write('\b \b');
          typed = typed.slice(0, -1);
        } else if (character >= ' ') {
          typed.push(character);
          if (!hidden) stderr.write(character);
        }
      };
      const giveUp = (): void => {
        if (take !== null) end(() => reject(stopped()));
      };
      stop.addEventListener('abort', giveUp, { once: true });
      const ahead = typedAhead;
      typedAhead = [];
      for (const character of ahead) {
        if (take === null) typedAhead.push(character);
        else (take as (character: string) => void)(character);
      }
      try {
        return await promise;
      } finally {
        stop.removeEventListener('abort', giveUp);
      }
    },
    close() {
      stdin.off('data', hear);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

// ---- piped -----------------------------------------------------------------------------------------------------

/** Longer input is a file given by mistake. */
const LONGEST_CHARACTERS = 65_536;

function pipedAnswers(stop: AbortSignal): Answers {
  const { stdin } = process;
  let held = '';
  let reading: AsyncIterator<string> | null = null;
  let ended = false;
  /** Reads on; false at the end. Nothing is read before somebody needs it: a pipe may stay open and silent. */
  const more = async (): Promise<boolean> => {
    if (ended) return false;
    if (stop.aborted) throw stopped();
    if (reading === null) {
      stdin.setEncoding('utf8');
      reading = (stdin as AsyncIterable<string>)[Symbol.asyncIterator]();
    }
    const aborted = Promise.withResolvers<never>();
    const giveUp = (): void => aborted.reject(stopped());
    stop.addEventListener('abort', giveUp, { once: true });
    try {
      const next = await Promise.race([reading.next(), aborted.promise]);
      if (next.done === true) ended = true;
      else held += next.value;
    } finally {
      stop.removeEventListener('abort', giveUp);
    }
    if (held.length > LONGEST_CHARACTERS) {
      throw new TruebookError('usage', 'What is piped into stdin is longer than 64 KB.', {
        hint: 'Pipe the answers, or the secret alone.',
      });
    }
    return !ended;
  };
  const nextLine = async (): Promise<string | null> => {
    while (!held.includes('\n') && (await more()));
    if (held === '') return null;
    const [line = '', ...others] = held.split('\n');
    held = others.join('\n');
    return line.replace(/\r$/, '');
  };
  return {
    interactive: false,
    async ask({ text, fallback, otherwise, problem }) {
      const given = (await nextLine())?.trim() ?? '';
      const answer = given === '' ? fallback : given;
      const wrong = answer === null ? 'no answer is left on stdin' : (problem?.(answer) ?? null);
      if (answer !== null && wrong === null) return answer;
      throw new TruebookError('usage', `${text}: ${wrong ?? ''}`, { hint: `Give it with ${otherwise}.` });
    },
    async secret() {
      while (await more());
      const text = held.replace(/\r?\n$/, '');
      held = '';
      return text;
    },
    say: () => undefined,
    close: () => undefined,
  };
}
