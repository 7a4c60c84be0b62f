/** Names that may stand in few places only: time, chance, the environment, child processes, sockets, the database. */
import ts from 'typescript';
import { importsOf } from './imports.ts';
import { lineOf, parse, type SourceFile, type Violation, walk } from './sources.ts';

interface Wall {
  readonly of: string;
  /** Paths where the names are allowed; a path that ends in `/` means the folder. */
  readonly allowedIn: readonly string[];
  /** Global names, and members of global names (`Date.now`). */
  readonly globals?: readonly string[];
  /** Functions of `node:crypto`, by import or as members of that module or of the global `crypto`. */
  readonly functions?: readonly string[];
  /** Modules that may not be imported (types may). */
  readonly modules?: readonly string[];
}

const MACHINE = ['src/platform.ts', 'src/log.ts', 'src/sandbox/platform.ts'];

export const WALLS: readonly Wall[] = [
  {
    of: 'time and timers',
    allowedIn: MACHINE,
    globals: [
      'Date.now',
      'Date()',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'performance',
      'process.hrtime',
      'process.uptime',
      'AbortSignal.timeout',
      'Temporal.Now',
    ],
    modules: ['timers', 'timers/promises', 'perf_hooks'],
  },
  {
    of: 'chance',
    allowedIn: MACHINE,
    globals: ['Math.random'],
    functions: [
      'randomUUID',
      'randomUUIDv7',
      'randomBytes',
      'randomInt',
      'randomFill',
      'randomFillSync',
      'getRandomValues',
    ],
  },
  { of: 'the environment', allowedIn: MACHINE, globals: ['process.env'] },
  { of: 'child processes', allowedIn: MACHINE, modules: ['child_process', 'cluster'] },
  {
    of: 'sockets',
    allowedIn: ['src/egress/', 'src/sandbox/', 'src/api/', 'src/platform.ts'],
    globals: ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest'],
    modules: ['net', 'http', 'https', 'http2', 'tls', 'dgram', 'dns', 'dns/promises', 'ws', 'undici'],
  },
  {
    of: 'modules of Node by name',
    allowedIn: ['src/egress/http.ts', 'src/platform.ts'],
    globals: ['process.getBuiltinModule'],
  },
  { of: 'PostgreSQL', allowedIn: ['src/store/postgres.ts'], modules: ['pg'] },
  { of: 'SQLite', allowedIn: ['src/store/'], modules: ['sqlite'] },
];

/** Every use of a walled name in `files` outside the places where it is allowed. */
export function checkNames(files: readonly SourceFile[], walls = WALLS): Violation[] {
  return files.flatMap((file) => {
    const standing = walls.filter((wall) => !wall.allowedIn.some((place) => isIn(file.path, place)));
    return [...importViolations(file, standing), ...nameViolations(file, standing)];
  });
}

function isIn(file: string, place: string): boolean {
  return place.endsWith('/') ? file.startsWith(place) : file === place;
}

function importViolations(file: SourceFile, walls: readonly Wall[]): Violation[] {
  const violations: Violation[] = [];
  for (const { specifier, kind, line, names } of importsOf(file)) {
    if (kind === 'type') continue;
    const module = specifier.replace(/^node:/, '');
    // The platform file hands chance on; which rooms may import it is the rooms' table's business.
    if (/(^|\/)platform\.ts$/.test(specifier)) continue;
    for (const wall of walls) {
      const taken = names.filter((name) => wall.functions?.includes(name) === true);
      if (wall.modules?.includes(module) === true) taken.push(specifier);
      for (const name of taken)
        violations.push({ path: file.path, line, what: `imports ${name} (${wall.of})` });
    }
  }
  return violations;
}

function nameViolations(file: SourceFile, walls: readonly Wall[]): Violation[] {
  const source = parse(file);
  const cryptos = new Set(['crypto', 'crypto.webcrypto', ...localNamesOf(source, 'crypto')]);
  const violations: Violation[] = [];
  walk(source, (node) => {
    const used = usedName(node);
    if (used === null || isHandedIn(node, firstPart(used))) return;
    for (const wall of walls) {
      const owner = used.slice(0, Math.max(0, used.lastIndexOf('.')));
      const member = used.slice(owner.length + 1);
      const walled =
        wall.globals?.includes(used) === true ||
        (cryptos.has(owner) && wall.functions?.includes(member) === true);
      if (walled) violations.push({ path: file.path, line: lineOf(node), what: `uses ${used} (${wall.of})` });
    }
  });
  return violations;
}

function firstPart(used: string): string {
  return used.replace(/[.(].*$/, '');
}

/** The names by which a file knows a whole module of Node: `import nodeCrypto from 'node:crypto'`. */
function localNamesOf(source: ts.SourceFile, module: string): string[] {
  return source.statements.filter(ts.isImportDeclaration).flatMap((statement) => {
    const specifier = statement.moduleSpecifier;
    if (!ts.isStringLiteral(specifier) || specifier.text.replace(/^node:/, '') !== module) return [];
    const bindings = statement.importClause?.namedBindings;
    const names = [statement.importClause?.name?.text];
    if (bindings !== undefined && ts.isNamespaceImport(bindings)) names.push(bindings.name.text);
    if (bindings !== undefined && ts.isNamedImports(bindings)) {
      const web = bindings.elements.find((one) => (one.propertyName ?? one.name).text === 'webcrypto');
      names.push(web?.name.text);
    }
    return names.filter((name) => name !== undefined);
  });
}

/** True when a function around `node` takes `name` as a parameter, or declares it: then it is not the global one. */
function isHandedIn(node: ts.Node, name: string): boolean {
  for (let around: ts.Node | undefined = node.parent; around !== undefined; around = around.parent) {
    if (ts.isFunctionLike(around) && around.parameters.some((one) => declares(one.name, name))) return true;
    if (!ts.isBlock(around) && !ts.isSourceFile(around)) continue;
    for (const statement of around.statements) {
      if (ts.isFunctionDeclaration(statement) && statement.name?.text === name) return true;
      if (!ts.isVariableStatement(statement)) continue;
      // `const { env } = process` does not make `process` ours, only `env`.
      if (statement.declarationList.declarations.some((one) => declares(one.name, name))) return true;
    }
  }
  return false;
}

function declares(binding: ts.BindingName, name: string): boolean {
  if (ts.isIdentifier(binding)) return binding.text === name;
  return binding.elements.some((element) => ts.isBindingElement(element) && declares(element.name, name));
}

/**
 * What a node says, if it is a name in use: `fetch`, `Date.now` (also as `globalThis.Date.now` or `Date['now']`).
 * `Date()` stands for the two ways to ask for now: `new Date()` without arguments, and `Date` called as a function.
 */
function usedName(node: ts.Node): string | null {
  if (ts.isNewExpression(node) && dotted(node.expression) === 'Date') {
    return (node.arguments?.length ?? 0) === 0 ? 'Date()' : null;
  }
  if (ts.isCallExpression(node) && dotted(node.expression) === 'Date') return 'Date()';
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return dotted(node);
  if (ts.isIdentifier(node) && isReference(node)) return node.text;
  return destructured(node);
}

/** `const { env } = process` uses `process.env`. */
function destructured(node: ts.Node): string | null {
  if (!ts.isBindingElement(node) || !ts.isObjectBindingPattern(node.parent)) return null;
  const declaration = node.parent.parent;
  if (!ts.isVariableDeclaration(declaration) || declaration.initializer === undefined) return null;
  const source = dotted(declaration.initializer);
  const name = node.propertyName ?? node.name;
  return source === null || !ts.isIdentifier(name) ? null : `${source}.${name.text}`;
}

function dotted(node: ts.Expression): string | null {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node)) return dotted(node.expression);
  const member = memberName(node);
  if (member === null) return null;
  const owner = dotted(member.owner);
  return owner === null || owner === 'globalThis' || owner === 'global'
    ? member.name
    : `${owner}.${member.name}`;
}

function memberName(node: ts.Expression): { owner: ts.Expression; name: string } | null {
  if (ts.isPropertyAccessExpression(node)) return { owner: node.expression, name: node.name.text };
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    return { owner: node.expression, name: node.argumentExpression.text };
  }
  return null;
}

/** True when an identifier means the thing of that name; false when it only names a member or a new thing. */
function isReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isTypeReferenceNode(parent) || ts.isQualifiedName(parent) || ts.isTypeQueryNode(parent))
    return false;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isBindingElement(parent))
    return false;
  return !('name' in parent && parent.name === node);
}
