/** Loads the module that `HOOKS` names. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { errorText, TruebookError } from '../domain/errors.ts';
import { checkHooks, checkModule } from './checkHooks.ts';
import { type Hooks } from './hooks.ts';

/** A module that waits for something at its top level may not keep an agent from starting for ever. */
const LOADING_MS = 30_000;

export interface LoadingTime {
  /** Waits real time; ends early when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Loads and checks a hooks module, given by its absolute path. Throws `config` with the file and the reason. */
export async function loadHooks(path: string, time: LoadingTime): Promise<Hooks> {
  if (!existsSync(path))
    throw wrong(`The file ${path} (HOOKS) does not exist.`, 'Correct the path in HOOKS.');
  const checked = checkModule(await importBounded(path, time));
  if (checked.ok) return checked.hooks;
  throw wrong(`The module ${path} (HOOKS) ${checked.problem}.`, checked.hint);
}

/** Hooks a program hands over. Throws `config`. */
export function givenHooks(given: unknown): Hooks {
  const checked = checkHooks(given);
  if (checked.ok) return checked.hooks;
  throw wrong(`The option hooks ${checked.problem}.`, checked.hint);
}

async function importBounded(path: string, time: LoadingTime): Promise<Readonly<Record<string, unknown>>> {
  const loaded = new AbortController();
  // What it rejects with after the bound has nobody left to tell.
  const importing = (import(pathToFileURL(path).href) as Promise<Record<string, unknown>>).then(
    (exports) => ({ exports }),
    (error: unknown) => ({ error }),
  );
  const late = time.sleep(LOADING_MS, loaded.signal).then(() => null);
  const first = await Promise.race([importing, late]);
  loaded.abort();
  if (first === null) {
    throw wrong(
      `The module ${path} (HOOKS) was not loaded within ${LOADING_MS / 1000} s.`,
      'Something at its top level waits: move it into a hook.',
    );
  }
  if ('exports' in first) return first.exports;
  const { error } = first;
  throw wrong(`The module ${path} (HOOKS) cannot be loaded: ${errorText(error)}`, hintFor(error));
}

function hintFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED')
    return 'Install that package where the module stands. Types of Truebook need no package at run time: `import type`.';
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || code === 'ERR_INVALID_TYPESCRIPT_SYNTAX')
    return 'Types are stripped, not compiled: no enums, namespaces or parameter properties.';
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return 'Name it .ts, .js or .mjs.';
  return 'Correct the module, or remove HOOKS.';
}

function wrong(message: string, hint: string): TruebookError {
  return new TruebookError('config', message, { hint });
}
