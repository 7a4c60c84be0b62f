/** From what a module exports, or a program hands over, to hooks that can be called. Pure. */
import { nearestName } from '../config/nearest.ts';
import { HOOK_NAMES, type HookName, type Hooks } from './hooks.ts';

/** `problem` is a sentence about the thing, `hint` says what to write instead. */
export type CheckedHooks =
  | { readonly ok: true; readonly hooks: Hooks }
  | { readonly ok: false; readonly problem: string; readonly hint: string };

const ALL = `Hooks are ${HOOK_NAMES.join(', ')}.`;

/** An object of hooks: every key must be one and hold a function. */
export function checkHooks(given: unknown): CheckedHooks {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return bad('is no object of hooks', `Write { afterSync(context, result) { ... } }. ${ALL}`);
  }
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of entries) {
    if (!isHookName(name)) return unknown(name);
    if (typeof value !== 'function')
      return bad(`has a hook ${name} that is no function`, `Write ${name}(...) { ... }.`);
  }
  if (entries.length === 0) return bad('has no hook', ALL);
  return { ok: true, hooks: given as Hooks };
}

/**
 * A module's exports: its default export, or hooks exported by name. Beside named hooks a module may export other things,
 * as long as they do not look like a misspelled hook.
 */
export function checkModule(exports: Readonly<Record<string, unknown>>): CheckedHooks {
  if (exports['default'] !== undefined) return checkHooks(exports['default']);
  const named = Object.entries(exports).filter(([name]) => isHookName(name));
  const slip = Object.keys(exports).find((name) => !isHookName(name) && looksLikeHook(name));
  if (slip !== undefined) return unknown(slip);
  if (named.length === 0) return bad('exports no hook', `Use \`export default { ... }\`. ${ALL}`);
  return checkHooks(Object.fromEntries(named));
}

function isHookName(name: string): name is HookName {
  return (HOOK_NAMES as readonly string[]).includes(name);
}

function looksLikeHook(name: string): boolean {
  return /^(before|after|on)[A-Z]/.test(name) || nearestName(name, HOOK_NAMES) !== null;
}

function unknown(name: string): CheckedHooks {
  const shown = name.slice(0, 60);
  const nearest = nearestName(name, HOOK_NAMES);
  return bad(
    `has a hook ${shown}, which does not exist`,
    nearest === null ? ALL : `Did you mean ${nearest}? ${ALL}`,
  );
}

function bad(problem: string, hint: string): CheckedHooks {
  return { ok: false, problem, hint };
}
