/** The files of this checkout that the walls look at, as git knows them or would take them. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A file by its path from the root (always with `/`) and its text. Checkers take these, so tests can invent some. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A wall that was climbed: one line for a person. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', 'demo']);

/** Every file below `folder` (a path from the root) whose name ends in one of `endings`. */
export async function readSources(folder: string, ...endings: string[]): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  for (const entry of await readdir(path.join(ROOT, folder), { withFileTypes: true }).catch(() => [])) {
    const name = path.posix.join(folder, entry.name);
    if (entry.isDirectory() && !NOT_OURS.has(entry.name))
      found.push(...(await readSources(name, ...endings)));
    else if (entry.isFile() && endings.some((ending) => entry.name.endsWith(ending))) {
      found.push({ path: name, text: await readFile(path.join(ROOT, name), 'utf8') });
    }
  }
  return found;
}

export function parse(file: SourceFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
}

/** Calls `visit` for every node of a file. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => {
    walk(child, visit);
  });
}

export function lineOf(node: ts.Node): number {
  const source = node.getSourceFile();
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

/** One text per violation, so that a failing test prints a list a person can click through. */
export function printed(violations: readonly Violation[]): string[] {
  return violations.map(({ path: file, line, what }) => `${file}:${line} ${what}`);
}
