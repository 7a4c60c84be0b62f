import { openAnswers } from './answers.ts';
import { listenForStop } from './stopping.ts';

/** The value: typed without being shown on a terminal, else all of stdin without the line break at its end. */
export async function readSecretValue(prompt: string): Promise<string> {
  const stopping = listenForStop();
  const answers = openAnswers(stopping.signal, () => undefined);
  try {
    return await answers.secret(prompt);
  } finally {
    answers.close();
    stopping.end();
  }
}
