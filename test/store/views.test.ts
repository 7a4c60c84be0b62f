/** The view tables as a whole: held against what a rebuild derived, and replaced by it. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { otherInstrument } from '../../src/domain/instrument.ts';
import { type EpochViews, type PositionRow, type ViewRow } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import { AT, commitOf, positionOf, ready } from './samples.ts';

const AUDIT = { at: AT, actor: 'user', action: 'rebuild', object: 'alpaca-paper', facts: {} };
/** Read together, the keys of both are the same words. */
const ALIKE = [
  { instrument: otherInstrument('alpaca', 'A B', 'AB', 'USD'), openedRootId: 'C', quantity: decimal('1') },
  { instrument: otherInstrument('alpaca', 'A', 'A', 'USD'), openedRootId: 'B C', quantity: decimal('2') },
];

function viewsOf(positions: readonly PositionRow[]): readonly EpochViews[] {
  return [{ epoch: 1, positions, lots: [], closures: [], wash: [], balanceDays: [], checkpoints: [] }];
}

forEachDatabase('the views of an account', (open) => {
  it('are compared row by row, whatever is in their keys and in whatever order they come', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease, { instruments: ALIKE.map((row) => row.instrument) }));
    const rows = ALIKE.map(({ instrument, ...row }) =>
      positionOf(account.id, { ...row, instrument: instrument.id }),
    );
    const { ledgerSeq } = await store.bookMarks(account.id);
    await store.replaceViews(lease, viewsOf(rows), ledgerSeq, AUDIT, 5);
    const [same] = await store.compareViews(account.id, viewsOf([...rows].reverse()), 5);
    expect(same).toMatchObject({ table: 'position', differing: 0, stored: { rows: 2 } });
    expect(same!.stored).toEqual(same!.derived);
  });

  it('are put right where they differ, and nowhere else', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease, { instruments: ALIKE.map((row) => row.instrument) }));
    const [first, second] = ALIKE.map(({ instrument, ...row }) =>
      positionOf(account.id, { ...row, instrument: instrument.id }),
    ) as [PositionRow, PositionRow];
    const third = { ...second, openedRootId: 'later' };
    const { ledgerSeq } = await store.bookMarks(account.id);
    const replace = (rows: readonly PositionRow[]) =>
      store.replaceViews(lease, viewsOf(rows), ledgerSeq, AUDIT, 5);
    await replace([first, second]);
    const changed = { ...second, quantity: decimal('3') };
    const [table] = (await replace([changed, third]))!;
    const shown = (row: ViewRow | null) => row && [row['opened_root_id'], row['quantity']];
    expect(table!.examples.map((row) => [shown(row.stored), shown(row.derived)])).toEqual([
      [
        ['B C', '2'],
        ['B C', '3'],
      ],
      [null, ['later', '2']],
      [['C', '1'], null],
    ]);
    const [after] = await store.compareViews(account.id, viewsOf([third, changed]), 5);
    expect(after).toMatchObject({ differing: 0, stored: { rows: 2 } });
  });
});
