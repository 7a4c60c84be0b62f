/** What a module imports, read from its syntax tree: static, dynamic, re-exported, types included. */
import path from 'node:path';
import ts from 'typescript';
import { lineOf, parse, type SourceFile, walk } from './sources.ts';

export interface Import {
  readonly specifier: string;
  /** `type`: gone at run time. `dynamic`: loaded when it is needed. */
  readonly kind: 'static' | 'type' | 'dynamic';
  readonly line: number;
  /** Names taken from the module (not their local names); empty for `import * as`. */
  readonly names: readonly string[];
}

export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (
    node: ts.Node,
    specifier: ts.Node | undefined,
    kind: Import['kind'],
    names: string[] = [],
  ): void => {
    const text = specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : '(computed)';
    found.push({ specifier: text, kind, line: lineOf(node), names });
  };
  walk(parse(file), (node) => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      add(node, node.moduleSpecifier, onlyTypes(clause) ? 'type' : 'static', namesOf(clause?.namedBindings));
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      add(node, node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static', namesOf(node.exportClause));
    } else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, 'type');
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], 'dynamic');
    } else if (
      ts.isCallExpression(node) &&
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'require'
    ) {
      add(node, node.arguments[0], 'static');
    }
  });
  return found;
}

/** The path from the root that a relative import means; null for packages and computed imports. */
export function resolveImport(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return path.posix.join(path.posix.dirname(from), specifier);
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

function namesOf(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): string[] {
  if (bindings === undefined || (!ts.isNamedImports(bindings) && !ts.isNamedExports(bindings))) return [];
  return bindings.elements.map((element) => (element.propertyName ?? element.name).text);
}
