import { TruebookError } from '../domain/errors.ts';
import { terminalFacts } from '../platform.ts';

/** Longer input is a file given by mistake. */
const LONGEST_BYTES = 65_536;

/** The value: typed without being shown on a terminal, else all of stdin without the line break at its end. */
export async function readSecretValue(prompt: string): Promise<string> {
  const text = terminalFacts().stdin ? await typedUnseen(prompt) : await readAll();
  return text.replace(/\r?\n$/, '');
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BYTES) {
      throw new TruebookError('usage', 'The value on stdin is longer than 64 KB.', {
        hint: 'Pipe the secret alone.',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const ENTER = ['\r', '\n', '\u0004'];
const ERASE = ['\u007f', '\b'];
const INTERRUPT = '\u0003';

/** Raw mode, because in the usual one the terminal itself shows what is typed. */
async function typedUnseen(prompt: string): Promise<string> {
  const { stdin } = process;
  process.stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let typed: string[] = [];
  const hear = (text: string): void => {
    for (const character of text) {
      if (ENTER.includes(character)) resolve(typed.join(''));
      else if (character === INTERRUPT) reject(new TruebookError('stopped', 'Stopped; nothing was sealed.'));
      else if (ERASE.includes(character)) typed = typed.slice(0, -1);
      else typed.push(character);
    }
  };
  stdin.on('data', hear);
  try {
    return await promise;
  } finally {
    stdin.off('data', hear);
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write('\n');
  }
}
