/**
 * Puts the simulated machine under the product, and wrong designs into it, without a switch in the product: modules are
 * replaced where a room meets the machine, and a mutant replaces a line of text while a module is loaded. Must run before
 * the first module of `src/` is loaded.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** One changed place. `find` must stand in the file exactly once. */
export interface Edit {
  /** From `src/`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const SOURCE = new URL('../../src/', import.meta.url).href;
const MACHINE = new URL('./machine/', import.meta.url).href;

/** Where the product meets the machine: importing file, what it imports, what it gets. */
const REPLACED: readonly (readonly [importer: string, specifier: string, module: string])[] = [
  ['compose.ts', './platform.ts', 'platform.ts'],
  ['egress/socket.ts', 'ws', 'websocket.ts'],
  ['store/sqlite.ts', 'node:sqlite', 'sqlite.ts'],
  ['store/postgres.ts', 'pg', 'pg.ts'],
];

/** Where the product asks for a module by name while it runs, an edit gives it the simulated one. */
const ASKED_FOR: readonly Edit[] = ['node:https', 'node:http'].map((name) => ({
  file: 'egress/http.ts',
  find: `process.getBuiltinModule('${name}').request`,
  put: `(simulatedRequest as unknown as typeof httpRequest)`,
}));
const SIMULATED_REQUEST = `import { request as simulatedRequest } from '${MACHINE}http.ts';`;

/** Throws where an edit does not fit the source any more: a mutant that changes nothing would prove nothing. */
export function installMachine(edits: readonly Edit[] = []): void {
  const changed = new Map<string, string>();
  for (const { file, find, put } of [...ASKED_FOR, ...edits]) {
    const url = SOURCE + file;
    const text = changed.get(url) ?? readFileSync(fileURLToPath(url), 'utf8');
    const places = text.split(find).length - 1;
    if (places !== 1) throw new Error(`src/${file} holds this text ${places} times, not once: ${find}`);
    changed.set(
      url,
      text.replace(find, () => put),
    );
  }
  // On the first line, so that the lines of an error stay those of the source.
  const http = `${SOURCE}egress/http.ts`;
  changed.set(http, `${SIMULATED_REQUEST} ${changed.get(http)}`);
  registerHooks({
    resolve(specifier, context, next) {
      const found = REPLACED.find(
        ([importer, wanted]) => wanted === specifier && context.parentURL === SOURCE + importer,
      );
      return found === undefined ? next(specifier, context) : next(MACHINE + found[2], context);
    },
    load(url, context, next) {
      const text = changed.get(url);
      if (text === undefined) return next(url, context);
      return { format: 'module-typescript', source: text, shortCircuit: true };
    },
  });
}
