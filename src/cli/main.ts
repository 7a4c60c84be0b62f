/**
 * The command line: reads the arguments, runs one command and sets the exit code, here and nowhere else
 * (design section 8: 0 ok, 1 fault, 2 usage or config, 3 denied or warning, 4 login needed).
 */
import { CommanderError } from 'commander';
import { errorText, isTruebookError, TruebookError } from '../domain/errors.ts';
import { exit, setExitCode } from '../platform.ts';
import { commandLine } from './commands.ts';

/** Runs the command line with `args` (without node and script) and ends the process. */
export async function main(args: readonly string[]): Promise<void> {
  surviveBrokenPipes();
  const code = await run(args);
  setExitCode(code);
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  // A socket kept open by a library must not keep a finished command alive.
  exit(code);
}

async function run(args: readonly string[]): Promise<number> {
  let code = 0;
  const program = commandLine((result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    // Asked for nothing: commander has shown the help.
    if (error instanceof CommanderError && error.code === 'commander.help') return 2;
    return tellError(asTruebookError(error), error, args.includes('--json'));
  }
}

function asTruebookError(error: unknown): TruebookError {
  if (isTruebookError(error)) return error;
  if (error instanceof CommanderError) {
    const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    return new TruebookError('usage', message, {
      hint:
        suggestion?.replace(/^\((.*)\)$/, '$1') ?? '`truebook --help` lists the commands and their options.',
    });
  }
  return new TruebookError('internal', errorText(error), {
    hint: 'This is a fault of Truebook: please report it with these lines.',
    cause: error,
  });
}

async function tellError(error: TruebookError, thrown: unknown, json: boolean): Promise<number> {
  const { printProblem, shown } = await import('./print.ts');
  const { code, message, hint } = error;
  if (json) {
    printProblem(JSON.stringify({ error: { code, message, hint } }));
  } else {
    printProblem(`error: ${shown(message)}`);
    if (hint !== null) printProblem(`hint: ${shown(hint)}`);
    if (code === 'internal' && thrown instanceof Error) printProblem(thrown.stack ?? '');
  }
  return error.exitCode;
}

/** `truebook trades | head`: a reader that has seen enough is no error. */
function surviveBrokenPipes(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

async function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    stream.write('', () => resolve());
  });
}
