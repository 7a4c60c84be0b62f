/** Elections: in the ledger, beside a running agent, and which of them hold for an epoch. */
import { expect, it } from 'vitest';
import { accountTypeOn } from '../../src/domain/election.ts';
import { parseTradeDate, type TradeDate } from '../../src/domain/time.ts';
import { type AuditEntry, type NewElection } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import { AAPL, AT, asText, commitOf, fill, minutesLater, observationOf, ready } from './samples.ts';
import { decimal } from '../../src/domain/decimal.ts';

const LIFO: NewElection = {
  kind: 'lot_method',
  object: AAPL.id,
  choice: 'LIFO',
  validFrom: parseTradeDate('2025-01-01'),
  validTo: null,
  source: 'user',
  details: {},
};
const BASIS: NewElection = {
  kind: 'basis',
  object: 'FILL:1',
  choice: '1234.56',
  validFrom: null,
  validTo: null,
  source: 'user',
  details: { acquired: '2019-02-28' },
};
const saying = (at = AT): AuditEntry => ({
  at,
  actor: 'user',
  action: 'elect',
  object: 'alpaca-paper',
  facts: { choice: 'LIFO' },
});

forEachDatabase('elections', (open) => {
  it('are written while an agent holds the lease, and its next look has them', async () => {
    const database = await open();
    const { store } = database;
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:1')] }));
    expect((await store.syncState(account.id)).elections).toEqual([]);
    const person = await database.again();
    const elected = await person.elect(account.id, [LIFO, BASIS], saying(minutesLater(1)));
    expect(elected).toEqual([LIFO, BASIS].map((one) => ({ ...one, firstSeenAt: minutesLater(1) })));

    const state = await store.syncState(account.id);
    expect(state.elections).toEqual(elected);
    expect(state.ledgerSeq).toBe(3);
    // The lease is still the agent's, and both kept one chain.
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:2')] }));
    expect(await store.verifyChains({})).toEqual({ ok: true, rows: 7, firstBroken: null });
    expect(await store.elections(account.id)).toEqual(elected);
    expect(await store.elections(account.id, { knownAt: AT })).toEqual([]);
    await expect(store.elect(77, [LIFO], saying())).rejects.toMatchObject({ code: 'unknown_account' });
  });

  it('of a broker come with a run, and what is kept of the state follows', async () => {
    const database = await open();
    const { store } = database;
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease));
    await store.syncState(account.id);
    const chosen: NewElection = {
      ...BASIS,
      kind: 'lot_choice',
      choice: '',
      source: 'alpaca',
      details: { a: '5' },
    };
    const short = observationOf({ quantity: decimal('-3') });
    await store.commitRun(
      commitOf(lease, { elections: [chosen], positionObservations: [short], instruments: [AAPL] }),
    );
    const state = await store.syncState(account.id);
    expect(state.elections).toEqual([{ ...chosen, firstSeenAt: AT }]);
    expect(state.shortsReported).toEqual([AAPL.id]);
    expect(asText(state)).toEqual(asText(await (await database.again()).syncState(account.id)));
  });

  it('about lots end with the epoch, those about accounts and instruments go on', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.elect(account.id, [LIFO, BASIS], saying());
    await store.newEpoch(lease, minutesLater(5), 'test');
    const own = { ...BASIS, object: 'FILL:9' };
    await store.elect(account.id, [own, { ...LIFO, choice: 'HIFO' }], saying(minutesLater(9)));
    const choices = async (epoch?: number) =>
      (await store.elections(account.id, epoch === undefined ? {} : { epoch })).map(
        (one) => `${one.object} ${one.choice}`,
      );
    expect(await choices()).toEqual([`${AAPL.id} LIFO`, 'FILL:9 1234.56', `${AAPL.id} HIFO`]);
    // A choice of today changes nothing of an epoch that is over.
    expect(await choices(1)).toEqual([`${AAPL.id} LIFO`, 'FILL:1 1234.56']);
    expect((await store.syncState(account.id)).elections).toHaveLength(3);
  });
});

forEachDatabase('what was ever reported short', (open) => {
  it('is told per epoch and by when it was seen, and stays when it is bought back', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const see = (quantity: string, minutes: number) =>
      store.commitRun(
        commitOf(
          lease,
          {
            instruments: [AAPL],
            positionObservations: [
              observationOf({ quantity: decimal(quantity), asOf: minutesLater(minutes) }),
            ],
          },
          { startedAt: minutesLater(minutes) },
        ),
      );
    await see('0.5', 0);
    expect(await store.shortsEverReported(account.id, 1)).toEqual([]);
    await see('-0.5', 10);
    await see('0', 20);
    expect(await store.shortsEverReported(account.id, 1)).toEqual([AAPL.id]);
    expect(await store.shortsEverReported(account.id, 1, { knownAt: minutesLater(9) })).toEqual([]);
    expect(await store.shortsEverReported(account.id, 1, { knownAt: minutesLater(10) })).toEqual([AAPL.id]);
    expect(await store.shortsEverReported(account.id, 2)).toEqual([]);
  });
});

forEachDatabase('how an account is taxed', (open) => {
  it('is an election of days; what a book of before said stands beside it', async () => {
    const { store, sql } = await open();
    const { account } = await ready(store);
    expect(await store.accountTypes()).toEqual(new Map());
    await sql(`UPDATE account SET type = 'roth_ira' WHERE id = ${account.id}`);
    expect(await store.accountTypes()).toEqual(new Map([[account.id, 'roth_ira']]));
    const of = (choice: string, from: string | null, to: string | null): NewElection => ({
      ...LIFO,
      kind: 'account_type',
      object: null,
      choice,
      validFrom: from as TradeDate | null,
      validTo: to as TradeDate | null,
    });
    await store.elect(
      account.id,
      [of('ira', '2025-01-01', null), of('other', '2025-03-01', '2025-03-31')],
      saying(),
    );
    const stored = await store.elections(account.id);
    expect(
      ['2024-12-31', '2025-01-01', '2025-03-01', '2025-03-31', '2025-04-01'].map((day) =>
        accountTypeOn(stored, day as TradeDate),
      ),
    ).toEqual([null, 'ira', 'other', 'other', 'ira']);
    expect(await store.verifyChains({})).toMatchObject({ ok: true });
  });
});
