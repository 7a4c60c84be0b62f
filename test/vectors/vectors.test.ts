/** The vectors of other books and of documents, through the engine. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkVector, type Verdict } from '../../scripts/vectors/checkVector.ts';
import { type Expected, type Transaction, type Vector } from '../../scripts/vectors/format.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../scripts/vectors.ts', import.meta.url));

const all = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .flatMap(
    (name) => (JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8')) as { vectors: Vector[] }).vectors,
  );

test('all of them agree but those that follow other rules and say so', () => {
  const verdicts = all.map(checkVector);
  const outcomes = (outcome: Verdict['outcome']): string[] =>
    verdicts.filter((verdict) => verdict.outcome === outcome).map(({ id }) => id);
  expect(verdicts.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  expect(outcomes('differs')).toEqual([
    'kapji-HS284_Example_2_2021',
    'kapji-CRYPTO22252_Example_2',
    'kapji-CRYPTO22253_Example_3_both_years',
    'kapji-CRYPTO22256_Example_6',
    'nautilus-base-fee-round-trip',
  ]);
  expect(outcomes('passed')).toHaveLength(254);
});

// ---- the format ---------------------------------------------------------------------------------------------------

/** `2024-01-02 buy 100 X @ 10 fee=1 lot=a`: a transaction; `@@ 1000` is the total. */
function transactions(text: string): Transaction[] {
  return text
    .trim()
    .split('\n')
    .map((line, i) => {
      const [ts = '', type = '', ...words] = line.trim().split(/\s+/);
      const named = words.filter((word) => word.includes('='));
      const [first = '', second, at, third] = words.filter((word) => !word.includes('='));
      const has = second !== undefined;
      const money = at === '@@' ? { amount: third } : at === '@' ? { price: third } : {};
      return {
        i,
        ts,
        type,
        symbol: has ? second : first,
        ...(has ? { qty: first } : {}),
        ...money,
        fee: '0',
        ...Object.fromEntries(named.map((word) => word.split('='))),
      } as unknown as Transaction;
    });
}

function verdictOf(text: string, expected: Expected, more: Partial<Vector> = {}): Verdict {
  return checkVector({
    id: 'own',
    method: 'FIFO',
    fee_policy: 'in_basis',
    transactions: transactions(text),
    expected,
    flags: [],
    ...more,
  });
}

const agrees = (text: string, expected: Expected, more: Partial<Vector> = {}): void =>
  expect(verdictOf(text, expected, more)).toEqual({ id: 'own', outcome: 'passed', problems: [] });

const THREE = `
  2024-01-10 buy 100 X @ 10 fee=1 lot=a
  2024-03-10 buy 100 X @ 12 fee=1 lot=b
  2024-06-10 buy 100 X @ 9 fee=1 lot=c`;

describe('what vectors may hold', () => {
  test.each([
    ['LIFO', '147'],
    ['HIFO', '-53'],
    ['LOFO', '247'],
    ['COMPRESSED_FIFO', '47'],
  ])('method %s', (method, realized) => {
    agrees(`${THREE.trim()}\n2024-09-10 sell 150 X @ 11 fee=1.50`, { realized_pnl: realized }, { method });
  });

  test('lots named for each close', () => {
    const text = `${THREE.trim()}
      2024-09-10 sell 100 X @ 11 fee=1 lot=b
      2024-09-10 sell 50 X @ 11 fee=0.5 lot=c`;
    agrees(text, { realized_pnl: '-3', remaining_basis: '1451.5' }, { method: 'SPECIFIC' });
  });

  test('a flip in one fill: two cycles', () => {
    agrees(
      `2024-01-02 buy 100 X @ 10 fee=1
       2024-01-03 sell 150 X @ 12 fee=3
       2024-01-04 buy 50 X @ 11 fee=1`,
      { realized_pnl: '245', close_realized: ['197', '48'], cycles: ['197', '48'], peak_qty: '100' },
    );
  });

  test('corporate actions', () => {
    agrees(
      `2024-01-02 buy 101 X @ 30
       2024-03-01 split X ratio_new=3 ratio_old=2
       2024-03-05 cash_in_lieu 0.5 X @@ 11.00`,
      { realized_pnl: '1', remaining_qty: '151', remaining_basis: '3020' },
    );
    agrees(
      `2024-01-02 buy 50 X @ 10
       2024-01-03 buy 50 X @ 2
       2024-03-05 return_of_capital X amount=300`,
      { realized_pnl: '50', remaining_basis: '350' },
    );
    agrees(
      `2023-01-05 buy 100 T @ 30
       2024-06-03 merger T to_symbol=A ratio_new=1 ratio_old=2 cash_per_old=10 fmv_new=60`,
      { realized_pnl: '1000', symbols: { A: { qty: '50', basis: '3000' } } },
    );
    agrees(`2023-01-05 buy 100 T @ 30\n2024-06-03 merger T cash_per_old=40`, {
      realized_pnl: '1000',
      remaining_qty: '0',
    });
  });

  test('options: a naked call assigned, one of three contracts exercised', () => {
    agrees(
      `2024-01-02 sell 1 XC @ 1.50 fee=0.65 multiplier=100
       2024-02-16 assign 1 X option=XC right=C strike=45 option_multiplier=100`,
      { realized_pnl: '0', avg_price: '46.4935', remaining_qty: '-100' },
    );
    agrees(
      `2024-01-02 buy 3 XC @ 3 fee=1.95 multiplier=100
       2024-02-16 exercise 1 X option=XC right=C strike=50 option_multiplier=100`,
      { symbols: { X: { qty: '100', basis: '5300.65' }, XC: { qty: '2', basis: '601.30' } } },
    );
  });

  test('what is refused, and the book as it was before', () => {
    const [buy, ...rest] = transactions(`
      2016-01-01 buy 10 H @ 33.33 intent=open
      2016-05-08 sell 13 H intent=close`);
    const lots = [{ symbol: 'H', qty: '10', unit_cost: '33.33', date: '2016-01-01' }];
    const strict = { method: 'STRICT', fee_policy: 'none' };
    agrees('', { error: 'insufficient_lots', lots }, { ...strict, transactions: [buy!, ...rest] });
    const named = { ...rest[0]!, qty: '5', select: { cost: '33.33', ccy: 'CAD' } };
    agrees('', { error: 'no_match', lots }, { ...strict, transactions: [buy!, named] });
    const twice = [buy!, { ...buy!, i: 1 }, { ...rest[0]!, i: 2, qty: '5' }];
    agrees('', { error: 'ambiguous', remaining_qty: '20' }, { ...strict, transactions: twice });
  });

  test('units nobody knows: as the policy says', () => {
    const text = `2016-01-01 buy 1 B @ 100\n2016-02-01 sell 3 B @ 150 intent=close`;
    agrees(text, { error: 'insufficient_lots' });
    agrees(text, { missing_qty: '2', realized_pnl: '350' }, { missing_basis: 'zero_basis_and_warn' });
    agrees(text, { missing_qty: '2', realized_pnl: null }, { missing_basis: 'unknown' });
  });

  test('a transfer is no close; pieces of other symbols are not asked for', () => {
    const text = `2024-01-02 buy 10 A @ 10 account=a
      2024-02-01 transfer 10 A account=a to=b
      2024-03-01 sell 10 A @ 20 account=b`;
    agrees(text, { close_realized: ['100'], realized_pnl: '100' });
    const row = {
      qty: '5',
      holding_start: '2024-01-02',
      adjusted_basis: '50',
      sell_date: null,
      proceeds: null,
    };
    agrees(
      `2024-01-02 buy 5 A @ 10\n2024-01-02 buy 7 B @ 10`,
      { wash: { rows: [{ ...row, code: '', disallowed: '0' }] } },
      { check_symbol: 'A' },
    );
  });

  test('accounts keep their lots apart; a transfer carries cost and dates', () => {
    agrees(
      `2026-01-15 buy 10 A @ 40 account=a
       2026-02-01 buy 10 A @ 60 account=a
       2026-03-01 transfer 5 A account=a to=b
       2026-04-01 sell 5 A @ 70 account=b`,
      {
        realized_pnl: '100',
        lots: [
          { qty: '5', unit_cost: null, date: '2026-01-15', account: 'a' },
          { qty: '10', unit_cost: null, date: '2026-02-01', account: 'a' },
        ],
      },
      { method: 'AVERAGE', scope: 'account' },
    );
  });
});

describe('what fails', () => {
  const text = '2026-01-15 buy 10 A @ 40';

  test.each([
    [
      'colour (in transactions[0])',
      { transactions: [{ ...transactions(text)[0]!, colour: 'red' }] as unknown as Transaction[] },
    ],
    ['mood (in expected)', { expected: { mood: '1' } }],
    ['mood (in expected.lots[0])', { expected: { lots: [{ qty: '10', mood: 'x' }] } as unknown as Expected }],
    ['mood (in expected.after[0])', { expected: { after: [{ i: 0, mood: '1' }] } }],
    ['mood', { mood: '1' } as Partial<Vector>],
  ])('a field nobody knows: %s', (field, more) => {
    const { outcome, problems } = verdictOf(text, { remaining_qty: '10' }, more);
    expect({ outcome, problems }).toEqual({ outcome: 'failed', problems: [`unsupported field ${field}`] });
  });

  test.each([
    ['method=GUESS', { method: 'GUESS' }],
    ['fee_policy=free', { fee_policy: 'free' }],
    ['wash_policy=mine', { wash_policy: 'mine' }],
    ['type=gamble', { transactions: [{ ...transactions(text)[0]!, type: 'gamble' }] }],
    ['intent=maybe', { transactions: [{ ...transactions(text)[0]!, intent: 'maybe' }] }],
  ])('a word nobody knows: %s', (word, more) => {
    const { problems } = verdictOf(text, { remaining_qty: '10' }, more);
    expect(problems).toEqual([`unsupported value ${word}`]);
  });

  test.each<[string, Expected]>([
    ['remaining_qty: expected 11, actual 10', { remaining_qty: '11' }],
    ['remaining_basis: expected 400.01, actual 400', { remaining_basis: '400.01' }],
    ['avg_price: expected nothing, actual 40', { avg_price: null }],
    ['error: expected no_match, actual nothing', { error: 'no_match' }],
    ['close_realized: expected ["1"], actual []', { close_realized: ['1'] }],
    ['after 0: remaining_qty: expected 9, actual 10', { after: [{ i: 0, remaining_qty: '9' }] }],
    ['symbols A basis: expected 1, actual 400', { symbols: { A: { basis: '1' } } }],
  ])('%s', (problem, expected) => {
    const { outcome, problems } = verdictOf(text, expected);
    expect({ outcome, problems }).toEqual({ outcome: 'failed', problems: [problem] });
  });

  test.each<[string, unknown]>([
    ['the vector is not an object', null],
    ['the vector is not an object', 'buy 10 A'],
    ['the vector is not an object', [{}]],
    ['transactions: there are none', { transactions: undefined }],
    ['transactions is not a list', { transactions: {} }],
    ['transactions[0].qty is not a text', { transactions: [{ ...transactions(text)[0]!, qty: 10 }] }],
    [
      'transactions: two of them are number 0',
      { transactions: transactions(text).flatMap((one) => [one, one]) },
    ],
    ['expected: nothing is expected', { expected: {} }],
    ['expected: nothing is expected', { expected: undefined }],
    ['expected is not an object', { expected: [] }],
    ['expected.remaining_qty is not a text', { expected: { remaining_qty: ['10'] } }],
    ['expected.cycles is not a list', { expected: { cycles: '10' } }],
    ['expected.after: there is no transaction 7', { expected: { after: [{ i: 7, remaining_qty: '10' }] } }],
    ['flags is not a list', { flags: 'peer_disagreement:mine' }],
  ])('what shows nothing or is no vector: %s', (problem, more) => {
    const isOwn = more !== null && typeof more === 'object' && !Array.isArray(more);
    const own = {
      id: 'own',
      method: 'FIFO',
      transactions: transactions(text),
      expected: { remaining_qty: '10' },
    };
    const { outcome, problems } = checkVector(isOwn ? stripped({ ...own, ...more }) : more);
    expect({ outcome, problems }).toEqual({ outcome: 'failed', problems: [problem] });
  });

  test('a difference of the last digits is shown with all of them', () => {
    const more = '5.000000000000000000000001';
    const { problems } = verdictOf(`2026-01-15 buy ${more} A @ 1`, { remaining_qty: '5' });
    expect(problems).toEqual([`remaining_qty: expected 5, actual ${more}`]);
  });

  test('a list with a row too many, too few or another one', () => {
    const lot = { symbol: 'A', qty: '10', unit_cost: '40', date: '2026-01-15' };
    agrees(text, { lots: [lot] });
    for (const lots of [[], [lot, lot], [{ ...lot, date: '2026-01-16' }], [{ ...lot, qty: '11' }]])
      expect(verdictOf(text, { lots }).outcome).toBe('failed');
  });

  test('a tolerance is kept', () => {
    const tolerance = '0.005';
    expect(verdictOf(text, { remaining_basis: '400.005' }, { tolerance }).outcome).toBe('passed');
    expect(verdictOf(text, { remaining_basis: '400.0051' }, { tolerance }).outcome).toBe('failed');
  });

  test('only a flag of other rules makes it differ', () => {
    const flagged = (flag: string): string =>
      verdictOf(text, { remaining_qty: '11' }, { flags: [flag] }).outcome;
    expect(flagged('peer_disagreement:somebody_counts_eleven')).toBe('differs');
    expect(flagged('missing_opening_fill_replaced_by_a_zero_gain_basis(peer_choice)')).toBe('differs');
    expect(flagged('stub_fee_uses_order_qty')).toBe('failed');
  });
});

/** As JSON has it: without what is undefined. */
function stripped(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

test('the command prints what does not agree, and the counts in its last line', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vectors-'));
  try {
    const good = {
      id: 'good',
      method: 'FIFO',
      transactions: transactions('2026-01-15 buy 10 A @ 40'),
      expected: { remaining_qty: '10' },
    };
    writeFileSync(
      path.join(folder, 'some.json'),
      JSON.stringify({ vectors: [good, { ...good, id: 'bad', expected: { remaining_qty: '9' } }] }),
    );
    writeFileSync(path.join(folder, 'more.json'), JSON.stringify([{ ...good, id: 'odd', odd: true }]));
    const run = (...words: string[]): { status: number | null; lines: string[] } => {
      const { status, stdout } = spawnSync(process.execPath, [SCRIPT, ...words], { encoding: 'utf8' });
      return { status, lines: stdout.trim().split('\n') };
    };
    expect(run(folder)).toEqual({
      status: 1,
      lines: [
        'failed more.json odd',
        '  unsupported field odd',
        'failed some.json bad',
        '  remaining_qty: expected 9, actual 10',
        '1 passed, 2 failed',
      ],
    });
    writeFileSync(path.join(folder, 'more.json'), '{');
    const broken = run(path.join(folder, 'none.json'), folder);
    expect(broken).toMatchObject({ status: 1 });
    expect(broken.lines).toContain('failed none.json (no vectors)');
    expect(broken.lines).toContain('failed more.json (no vectors)');
    expect(broken.lines.at(-1)).toBe('1 passed, 3 failed');
    for (const nothing of ['[]', '{"vectors":null}', '']) {
      writeFileSync(path.join(folder, 'more.json'), nothing);
      expect(run(path.join(folder, 'more.json')).lines.at(-1)).toBe('0 passed, 1 failed');
    }
    const empty = mkdtempSync(path.join(folder, 'empty-'));
    expect(run(empty)).toMatchObject({
      status: 1,
      lines: [expect.anything(), expect.anything(), '0 passed, 1 failed'],
    });
    expect(run(path.join(FOLDER, 'alpaca_docs.json'))).toEqual({ status: 0, lines: ['3 passed, 0 failed'] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
