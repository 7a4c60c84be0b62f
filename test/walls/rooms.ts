/** The rooms of the house and their one-way doors (docs/architecture.md): the table, and the check against it. */
import { importsOf, resolveImport } from './imports.ts';
import type { SourceFile, Violation } from './sources.ts';

/** A target is a whole room (`domain/`) or one door of it (`store/store.ts`), as a path below `src/`. */
type Target = string;

interface Room {
  readonly mayImport: readonly Target[] | 'everything';
  /** Targets that may be imported by `import()` only, so that their code is loaded when it is needed. */
  readonly onlyDynamic?: readonly Target[];
  /** Targets of which only types may be imported. */
  readonly onlyTypes?: readonly Target[];
  /** A room of pure functions: no log, no package, no module of Node but those of `PURE_MODULES`. */
  readonly pure?: true;
}

/** Hashes are pure functions; that no randomness comes out of this module is the wall of names. */
const PURE_MODULES = ['node:crypto'];

const SYNC_DOORS = [
  'syncAccount',
  'requestSync',
  'agent',
  'freshness',
  'records',
  'difference',
  'syncResult',
  'syncLines',
  'steps',
  'rebuild',
  'asOf',
  'personsAdjustment',
].map((door) => `sync/${door}.ts`);
const STORE = 'store/store.ts';
const BROKER = 'brokers/broker.ts';
const ALL_DOORS = [
  'domain/',
  'book/',
  'config/',
  'gate/',
  'hooks/',
  'mcp/',
  'mirror/',
  'ops/',
  'service/',
  ...SYNC_DOORS,
  STORE,
  'store/open.ts',
  BROKER,
  'brokers/registry.ts',
  'alerts/registry.ts',
  'api/server.ts',
];

/** Keys are folders below `src/`, or files of `src/` itself. `log.ts` is open to all but the pure ones. */
export const ROOMS: Readonly<Record<string, Room>> = {
  'domain/': { mayImport: [], pure: true },
  'book/': { mayImport: ['domain/'], pure: true },
  'egress/': { mayImport: ['domain/'] },
  'brokers/': { mayImport: ['domain/', 'egress/'] },
  'store/': { mayImport: ['domain/'] },
  'sync/': { mayImport: ['domain/', 'book/', BROKER, STORE] },
  'mirror/': { mayImport: ['domain/', STORE] },
  'gate/': { mayImport: ['domain/', ...SYNC_DOORS, STORE] },
  // The user's own code around the steps; a misspelled hook is found as a misspelled setting is.
  'hooks/': { mayImport: ['domain/', 'config/nearest.ts', ...SYNC_DOORS, STORE] },
  'alerts/': { mayImport: ['domain/', STORE, 'egress/'] },
  'api/': { mayImport: ['domain/', 'book/', ...SYNC_DOORS, 'gate/', 'alerts/registry.ts', 'config/', STORE] },
  'mcp/': { mayImport: ['domain/', 'gate/', ...SYNC_DOORS, STORE] },
  'web/': { mayImport: [], onlyTypes: ['api/schema.ts'] },
  'ops/': { mayImport: ['domain/', 'config/', 'book/', ...SYNC_DOORS, STORE, BROKER] },
  'service/': { mayImport: ['config/'] },
  'config/': { mayImport: ['domain/'] },
  // Never `brokers/` nor `egress/`: both sides of a wire written apart is what makes the tests honest.
  'sandbox/': { mayImport: ['domain/'] },
  'cli/': { mayImport: [...ALL_DOORS, 'compose.ts', 'platform.ts'], onlyDynamic: ['sandbox/sandbox.ts'] },
  'compose.ts': { mayImport: 'everything' },
  'index.ts': { mayImport: 'everything' },
  // What a program opens instead of the command line: the same doors, no broker and no database by itself.
  'library/': { mayImport: [...ALL_DOORS, 'compose.ts', 'platform.ts'] },
  'platform.ts': { mayImport: ['domain/', 'egress/'] },
  'log.ts': { mayImport: ['domain/'] },
};

export interface RoomReport {
  /** How many modules had their imports read: a checker that sees none finds nothing either. */
  readonly modules: number;
  readonly imports: number;
  readonly violations: readonly Violation[];
}

/** Holds every import of `files` (below `src/`) against the table. */
export function checkRooms(files: readonly SourceFile[], rooms = ROOMS): RoomReport {
  const violations: Violation[] = [];
  let modules = 0;
  let imports = 0;
  for (const file of files) {
    const here = roomOf(file.path);
    const room = rooms[here];
    if (room === undefined) {
      violations.push({ path: file.path, line: 1, what: `is in ${here}, which is no room of the table` });
      continue;
    }
    modules += 1;
    for (const found of importsOf(file)) {
      imports += 1;
      const what = objection(file.path, here, room, found);
      if (what !== null) violations.push({ path: file.path, line: found.line, what });
    }
  }
  return { modules, imports, violations };
}

function objection(
  from: string,
  here: string,
  room: Room,
  { specifier, kind }: { specifier: string; kind: string },
): string | null {
  const resolved = resolveImport(from, specifier);
  if (resolved === null) {
    return room.pure === true && !PURE_MODULES.includes(specifier)
      ? `is pure and may not import ${specifier}`
      : null;
  }
  // The manifest says the version; a bundler puts it into the code.
  if (resolved === 'package.json' && (here === 'cli/' || room.mayImport === 'everything')) return null;
  if (!resolved.startsWith('src/')) return `may not import ${resolved}: it is outside src`;
  const target = resolved.slice('src/'.length);
  const there = roomOf(resolved);
  if (there === here || room.mayImport === 'everything') return null;
  if (target === 'log.ts' && room.pure !== true) return null;
  if (covers(room.mayImport, target)) return null;
  if (kind === 'dynamic' && covers(room.onlyDynamic, target)) return null;
  if (kind === 'type' && (covers(room.onlyTypes, target) || covers(room.onlyDynamic, target))) return null;
  return `${here} may not import ${target}`;
}

function covers(targets: readonly Target[] | undefined, target: string): boolean {
  return targets?.some((one) => (one.endsWith('/') ? target.startsWith(one) : target === one)) ?? false;
}

/** `src/store/open.ts` -> `store/`; `src/compose.ts` -> `compose.ts`. */
function roomOf(file: string): string {
  const [, room = '', rest] = file.split('/');
  return rest === undefined ? room : `${room}/`;
}
