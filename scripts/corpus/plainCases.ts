/** Cases of one cause each, as the broker's calls name it. */
import { type FindingCause } from '../../src/domain/finding.ts';
import { contract, type Case, type Choices, type Stage, type Truth } from './stage.ts';

type Make = (choices: Choices) => Case;

const NOON = '2025-08-21T16:00:00Z';
/** After the close of the last day of the contracts that the cases hold. */
const AFTER_CLOSE = '2025-08-22T20:30:00Z';

interface Plain {
  readonly name: string;
  readonly cause: FindingCause;
  readonly symbol: string;
  readonly tellsWhileOpen: boolean;
  readonly at?: string;
  readonly published?: boolean;
  readonly prepare?: (stage: Stage) => Promise<void>;
  readonly make: (stage: Stage) => Promise<void>;
  readonly settle?: (stage: Stage) => Promise<void>;
  readonly isFirstContact?: boolean;
}

/** A case of one cause. */
export function plain({ name, cause, symbol, tellsWhileOpen, ...rest }: Plain): Case {
  const truth: Truth = { symbol, cause, tellsWhileOpen };
  return {
    at: NOON,
    published: true,
    prepare: async () => {},
    ...rest,
    name,
    label: cause,
    truths: [truth],
    isLookAlike: false,
    isUnknowable: false,
  };
}

/** A trade whose activity comes late: what trades, and how many. */
function lateTrade({ chance, stocks }: Choices): {
  readonly symbol: string;
  readonly prepare: (stage: Stage) => Promise<void>;
  readonly trade: (stage: Stage, more: object) => Promise<string>;
} {
  const [stock] = stocks as [Choices['stocks'][number]];
  const kind = chance.pick(['stock', 'stock', 'short', 'option', 'coin'] as const);
  const price = String(stock.price + chance.integer(-3, 3));
  const many = String(chance.integer(1, 40));
  if (kind === 'coin') {
    return {
      symbol: 'ETH/USD',
      prepare: async (stage) => void (await stage.buy('ETH/USD', '3', '4200')),
      trade: (stage, more) =>
        chance.once(2)
          ? stage.buy('ETH/USD', '0.731', '4230.5', more)
          : stage.sell('ETH/USD', '1.25', '4225', more),
    };
  }
  if (kind === 'option') {
    const symbol = contract(stock.symbol, chance.pick(['C', 'P']), stock.price + 10, '251219');
    return {
      symbol,
      prepare: async (stage) => void (await stage.buy(symbol, '5', '4.2')),
      trade: (stage, more) =>
        chance.once(2) ? stage.buy(symbol, '2', '4.35', more) : stage.sell(symbol, '3', '4.1', more),
    };
  }
  return {
    symbol: stock.symbol,
    prepare: async (stage) => {
      if (kind === 'stock') await stage.buy(stock.symbol, '60', String(stock.price));
    },
    trade: (stage, more) =>
      kind === 'short' || chance.once(2)
        ? stage.sell(stock.symbol, kind === 'stock' && chance.once(3) ? '60' : many, price, more)
        : stage.buy(stock.symbol, many, price, more),
  };
}

function late(name: string, cause: FindingCause, more: (choices: Choices) => object): Make {
  return (choices) => {
    const { symbol, prepare, trade } = lateTrade(choices);
    const published = !choices.chance.once(4);
    const terms = { publish: published ? 'next-day' : 'never', ...more(choices) };
    return plain({
      name,
      cause,
      symbol,
      tellsWhileOpen: true,
      published,
      prepare,
      make: async (stage) => void (await trade(stage, terms)),
    });
  };
}

const partial: Make = (choices) => {
  const { chance, stocks } = choices;
  const [stock] = stocks as [Choices['stocks'][number]];
  const published = !chance.once(4);
  const done = chance.integer(1, 20);
  const order = {
    quantity: String(done + chance.integer(1, 50)),
    ...(chance.once(2) ? { cancel: true } : {}),
  };
  const ref = chance.once(2) ? {} : { clientRef: 'by-hand' };
  return plain({
    name: 'partial_fill',
    cause: 'partial_fill',
    symbol: stock.symbol,
    tellsWhileOpen: true,
    published,
    make: async (stage) =>
      void (await stage.buy(stock.symbol, String(done), String(stock.price), {
        publish: published ? 'next-day' : 'never',
        order,
        ...ref,
      })),
  });
};

// ---- options ----------------------------------------------------------------------------------------------------

interface OptionPlay {
  readonly symbol: string;
  readonly hold: (stage: Stage) => Promise<void>;
}

/** A contract in the money for its holder, held long or short, with the stock where it must be there. */
function optionPlay({ chance, stocks }: Choices, wasShort: boolean, contracts: number): OptionPlay {
  const [stock] = stocks as [Choices['stocks'][number]];
  const right = chance.pick(['C', 'P'] as const);
  const strike = stock.price + (right === 'C' ? -10 : 10);
  const symbol = contract(stock.symbol, right, strike);
  const held = wasShort || chance.once(2) ? contracts : contracts + 1;
  return {
    symbol,
    hold: async (stage) => {
      const covers = (right === 'C') === wasShort;
      if (covers && !chance.once(3))
        await stage.buy(stock.symbol, String(100 * contracts), String(stock.price));
      else if (chance.once(2))
        await stage.buy(stock.symbol, String(chance.integer(5, 60)), String(stock.price));
      if (wasShort) await stage.sell(symbol, String(held), '11.5');
      else await stage.buy(symbol, String(held), '11.5');
    },
  };
}

function optionEvent(cause: 'assignment' | 'exercise'): Make {
  return (choices) => {
    const contracts = choices.chance.integer(1, 3);
    const { symbol, hold } = optionPlay(choices, cause === 'assignment', contracts);
    return plain({
      name: cause,
      cause,
      symbol,
      tellsWhileOpen: true,
      at: choices.chance.pick([NOON, AFTER_CLOSE]),
      prepare: hold,
      make: (stage) =>
        stage.option(cause === 'assignment' ? 'assign' : 'exercise', symbol, String(contracts)),
    });
  };
}

const expiry: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  const right = chance.pick(['C', 'P'] as const);
  const symbol = contract(stock.symbol, right, stock.price + (right === 'C' ? 60 : -60));
  const wasShort = chance.once(2);
  return plain({
    name: 'expiry',
    cause: 'expiry',
    symbol,
    tellsWhileOpen: true,
    at: AFTER_CLOSE,
    prepare: async (stage) => {
      if (chance.once(2)) await stage.buy(stock.symbol, '100', String(stock.price));
      if (wasShort) await stage.sell(symbol, '2', '0.4');
      else await stage.buy(symbol, '2', '0.4');
    },
    make: (stage) => stage.option('expire', symbol, '2'),
  });
};

// ---- corporate actions ------------------------------------------------------------------------------------------

function lateAction(
  name: string,
  cause: FindingCause,
  terms: (
    choices: Choices,
    symbol: string,
  ) => { readonly body: object; readonly symbol: string; readonly held?: string },
): Make {
  return (choices) => {
    const { chance, stocks } = choices;
    const [stock] = stocks as [Choices['stocks'][number]];
    const { body, symbol, held } = terms(choices, stock.symbol);
    const published = !chance.once(4);
    const quantity = held ?? String(chance.integer(3, 90));
    return plain({
      name,
      cause,
      symbol,
      tellsWhileOpen: true,
      published,
      prepare: async (stage) => {
        await stage.buy(stock.symbol, quantity, String(stock.price));
        if (chance.once(3))
          await stage.buy(contract(stock.symbol, 'C', stock.price + 10, '251219'), '2', '6.1');
      },
      make: (stage) =>
        stage.action({ symbol: stock.symbol, publish: published ? 'next-day' : 'never', ...body }),
    });
  };
}

const split = lateAction('split', 'split', ({ chance }, symbol) => {
  const [newShares, oldShares] = chance.pick([
    [2, 1],
    [3, 1],
    [4, 1],
    [10, 1],
    [3, 2],
    [5, 4],
    [1, 2],
    [1, 4],
    [1, 10],
    [2, 3],
  ] as const);
  return { symbol, body: { kind: 'split', newShares: String(newShares), oldShares: String(oldShares) } };
});

const splitWithCash = lateAction('split_with_cash', 'split', ({ chance }, symbol) => {
  const [newShares, oldShares] = chance.pick([
    [3, 2],
    [1, 4],
    [1, 10],
  ] as const);
  const held = String(40 * chance.integer(1, 3) + 1);
  const body = {
    kind: 'split',
    newShares: String(newShares),
    oldShares: String(oldShares),
    cashInLieu: '1.07',
  };
  return { symbol, held, body };
});

const rename = lateAction('symbol_change', 'symbol_change', (_choices, symbol) => ({
  symbol,
  body: { kind: 'rename', to: 'NEWCO' },
}));

const spinoff = lateAction('spinoff', 'split', ({ chance }) => ({
  symbol: 'CHILD',
  held: String(chance.integer(2, 20) * 4),
  body: {
    kind: 'spinoff',
    to: 'CHILD',
    newShares: '1',
    perOld: String(chance.pick([1, 2, 4])),
    basisFraction: chance.pick(['0.125', '0.2', '0.31']),
  },
}));

const merger = lateAction('merger', 'symbol_change', ({ chance }, symbol) => ({
  symbol,
  held: String(chance.integer(2, 20) * 4),
  body: {
    kind: 'merger',
    to: 'ACQ',
    newShares: String(chance.pick([1, 3, 5])),
    perOld: String(chance.pick([2, 4])),
    ...(chance.once(2) ? { cashPerShare: '7.5' } : {}),
  },
}));

// ---- transfers and money ------------------------------------------------------------------------------------------

const transfer: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  const published = !chance.once(4);
  const coin = chance.once(5);
  const symbol = coin ? 'ETH/USD' : stock.symbol;
  const direction = chance.pick(['in', 'out'] as const);
  const isHeld = direction === 'out' || chance.once(2);
  return plain({
    name: 'transfer',
    cause: 'transfer',
    symbol,
    tellsWhileOpen: true,
    published,
    prepare: async (stage) => {
      if (isHeld) await stage.buy(symbol, coin ? '2.5' : '40', coin ? '4200' : String(stock.price));
    },
    make: (stage) =>
      stage.transfer(direction, symbol, coin ? '1.13' : String(chance.integer(1, 40)), {
        publish: published ? 'next-day' : 'never',
      }),
  });
};

function money(kind: string, cause: FindingCause, amounts: readonly string[]): Make {
  return ({ chance }) => {
    const amount = chance.pick(amounts);
    const more = { publish: 'next-day', ...(kind === 'dividend' ? { symbol: 'KO' } : {}) };
    return plain({
      name: kind,
      cause,
      symbol: 'USD',
      tellsWhileOpen: false,
      make: (stage) => stage.cash(kind, amount, more),
    });
  };
}

/** The fee in coins of a trade, taken at the end of the day while the list of activities lags. */
const coinFee: Make = ({ chance }) => {
  const fee = chance.pick(['7.61', '12.34', '3.05']);
  return plain({
    name: 'coin_fee',
    cause: 'fee',
    symbol: 'ETH/USD',
    tellsWhileOpen: true,
    at: '2025-08-21T23:50:00Z',
    published: false,
    prepare: async (stage) => void (await stage.buy('ETH/USD', '1.5', '4231', { fees: fee })),
    make: async (stage) => {
      await stage.fault({ resource: 'activities', kind: 'late', at: 0 });
      await stage.world.advance('15m');
    },
    settle: (stage) => stage.world.faultsOff(),
  });
};

// ---- what the broker gets wrong -----------------------------------------------------------------------------------

const rounding: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  const coin = chance.once(2);
  const symbol = coin ? 'ETH/USD' : stock.symbol;
  const digits = `${chance.integer(1, 9)}.${chance.integer(10, 99)}${chance.integer(1, 9)}${chance.integer(1, 9)}7`;
  return plain({
    name: 'rounding',
    cause: 'rounding',
    symbol,
    tellsWhileOpen: true,
    published: false,
    prepare: async (stage) => void (await stage.buy(symbol, digits, coin ? '4200' : String(stock.price))),
    make: (stage) => stage.fault({ resource: 'positions', kind: 'rounded' }),
    settle: (stage) => stage.world.faultsOff(),
  });
};

const staleSource: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  const isHeld = chance.once(2);
  const many = String(chance.integer(1, 9));
  return plain({
    name: 'stale_source',
    cause: 'stale_source',
    symbol: stock.symbol,
    tellsWhileOpen: true,
    published: false,
    prepare: async (stage) => {
      if (isHeld) await stage.buy(stock.symbol, '10', String(stock.price));
    },
    make: async (stage) => {
      await stage.fault({ resource: 'positions', kind: 'stale' });
      if (isHeld && chance.once(2)) await stage.sell(stock.symbol, many, String(stock.price));
      else await stage.buy(stock.symbol, many, String(stock.price));
    },
    settle: (stage) => stage.world.faultsOff(),
  });
};

/** One row is left out of the list of positions; the account still counts it. */
const shortList: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  // A small part of the account: a list that lacks more than a fiftieth is refused as a whole.
  const many = chance.integer(8, 12);
  return plain({
    name: 'short_list',
    cause: 'stale_source',
    symbol: stock.symbol,
    tellsWhileOpen: true,
    published: false,
    prepare: async (stage) => void (await stage.buy(stock.symbol, String(many), String(stock.price))),
    make: (stage) =>
      stage.fault({
        resource: 'positions',
        kind: 'partial',
        at: stock.symbol < 'KO' ? 0 : stock.symbol < 'VTI' ? 1 : 2,
      }),
    settle: (stage) => stage.world.faultsOff(),
  });
};

/** The account's figures are still those of before a trade. */
const staleAccount: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  return plain({
    name: 'stale_account',
    cause: 'stale_source',
    symbol: 'USD',
    tellsWhileOpen: true,
    published: false,
    make: async (stage) => {
      await stage.fault({ resource: 'account', kind: 'stale' });
      await stage.buy(stock.symbol, String(chance.integer(1, 9)), String(stock.price));
    },
    settle: (stage) => stage.world.faultsOff(),
  });
};

/** A fill is corrected or busted while the list of activities is still the old one. */
const correction: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  const kind = chance.pick(['bust', 'quantity', 'price'] as const);
  let fill = '';
  return plain({
    name: 'broker_correction',
    cause: 'broker_correction',
    symbol: kind === 'price' ? 'USD' : stock.symbol,
    tellsWhileOpen: true,
    published: false,
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '25', String(stock.price));
      fill = await stage.buy(stock.symbol, '8', String(stock.price + 1));
    },
    make: async (stage) => {
      await stage.fault({ resource: 'activities', kind: 'stale' });
      const terms =
        kind === 'bust'
          ? { kind: 'bust' }
          : kind === 'quantity'
            ? { kind: 'correct', quantity: String(chance.pick([3, 6, 11])) }
            : { kind: 'correct', price: String(stock.price + 3) };
      await stage.world.control('amend', { account: 'alpaca-paper', fill, ...terms });
    },
    settle: (stage) => stage.world.faultsOff(),
  });
};

/** The broker shows a week of history only, and a list of positions of which one row cannot be read. */
const historyGap: Make = ({ chance, stocks }) => {
  const [stock] = stocks as [Choices['stocks'][number]];
  const gap = (symbol: string): Truth => ({ symbol, cause: 'history_gap', tellsWhileOpen: true });
  const one = plain({
    name: 'history_gap',
    cause: 'history_gap',
    symbol: stock.symbol,
    tellsWhileOpen: true,
    published: false,
    isFirstContact: true,
    prepare: async (stage) => {
      await stage.buy(stock.symbol, String(chance.integer(5, 30)), String(stock.price));
      await stage.world.advance('12d');
      await stage.buy('JNJ', '3', '150');
      await stage.buy(stock.symbol, '1', String(stock.price));
    },
    make: async (stage) => {
      await stage.fault({ resource: 'activities', kind: 'short-history' });
      await stage.fault({
        resource: 'positions',
        kind: 'schema-drift',
        at: stock.symbol < 'JNJ' ? 1 : 0,
        times: 6,
      });
    },
    settle: async (stage) => {
      await stage.world.faultsOff();
      await stage.fault({ resource: 'activities', kind: 'short-history' });
    },
  });
  // What was held before has the same gap; the row that could not be read is missing for a while.
  return {
    ...one,
    truths: [gap(stock.symbol), gap('KO'), gap('VTI')],
    besides: ['JNJ', 'USD'],
  };
};

const accountChanged: Make = () =>
  plain({
    name: 'account_changed',
    cause: 'account_changed',
    symbol: 'account',
    tellsWhileOpen: true,
    published: false,
    make: async (stage) => {
      await stage.world.control('account', { account: 'alpaca-paper', action: 'reset' });
      await stage.sync();
      await stage.sync();
    },
  });

/** Every plain family with how often it comes. */
export const PLAIN: readonly (readonly [weight: number, make: Make])[] = [
  [5, late('manual_trade', 'manual_trade', () => ({ clientRef: 'by-hand' }))],
  [5, late('missing_fill', 'missing_fill', () => ({}))],
  [4, partial],
  [4, split],
  [2, splitWithCash],
  [3, rename],
  [2, spinoff],
  [2, merger],
  [5, optionEvent('assignment')],
  [4, optionEvent('exercise')],
  [4, expiry],
  [5, transfer],
  [2, money('deposit', 'deposit_withdrawal', ['500', '1000', '2500', '731.25'])],
  [2, money('withdrawal', 'deposit_withdrawal', ['400', '1200', '88.4'])],
  [3, money('dividend', 'dividend', ['1440', '1560.75', '300'])],
  [3, money('interest', 'interest', ['3.21', '-17.44', '100'])],
  [2, money('fee', 'fee', ['0.03', '2.5', '100'])],
  [2, coinFee],
  [3, rounding],
  [3, staleSource],
  [2, shortList],
  [1, staleAccount],
  [4, correction],
  [2, historyGap],
  [1, accountChanged],
];
export { AFTER_CLOSE, NOON };
export type { Make };
