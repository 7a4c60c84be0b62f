import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MATRIX } from '../faults/matrix.ts';
import { faultTable, TABLE_BEGIN, TABLE_END, withTable } from '../faults/table.ts';
import { type RowFigures } from '../faults/trial.ts';

const document = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');

/** A table without the width that the formatter gives its columns. */
const plain = (text: string): string => text.replaceAll(/ +/g, ' ');

it('every row of the matrix stands in docs/reliability.md with its name, and no other does', () => {
  const table = plain(document.slice(document.indexOf(TABLE_BEGIN), document.indexOf(TABLE_END)));
  const ids = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, id]) => id);
  expect(ids).toEqual(MATRIX.map((row) => row.id));
  for (const row of MATRIX) {
    expect(table).toContain(`| \`${row.id}\` | ${row.name} | ${row.made} |`);
  }
});

it('the runs of each row end as many times refused as the table says', () => {
  for (const row of MATRIX) {
    if (row.living === true || row.ends === null) continue;
    const line =
      plain(document)
        .split('\n')
        .find((text) => text.startsWith(`| \`${row.id}\` |`)) ?? '';
    const cells = line.split('|').map((text) => text.trim());
    const refused = row.ends.filter((word) => word !== 'complete').length;
    expect([row.id, cells[5], cells[6]]).toEqual([row.id, String(row.ends.length), String(refused)]);
  }
});

const figuresOf = (database: RowFigures['database'], requests: number): RowFigures[] =>
  MATRIX.map((row) => ({
    id: row.id,
    database,
    cycles: 3,
    refused: 2,
    requests,
    healedMs: 300_000,
    offsets: null,
    more: {},
    looks: 5,
    ends: [],
    violations: [],
  }));

it('writes the table between its marks, twice the same, and tells the databases apart where they differ', () => {
  const table = faultTable([...figuresOf('sqlite', 7), ...figuresOf('postgres', 9)]);
  expect(table).toContain('| 3 | 2 | 7 / 9 | 5 min |');
  const text = `before\n${TABLE_BEGIN}\nthe table before\n${TABLE_END}\nafter\n`;
  const once = withTable(text, table);
  expect(once.startsWith(`before\n${TABLE_BEGIN}\n\n| row |`)).toBe(true);
  expect(once.endsWith(`${TABLE_END}\nafter\n`)).toBe(true);
  expect(once).not.toContain('the table before');
  expect(withTable(once, table)).toBe(once);
  expect(() => withTable('no marks', table)).toThrow('once each');
  expect(() => withTable(`${text}${TABLE_BEGIN}`, table)).toThrow('once each');
});
