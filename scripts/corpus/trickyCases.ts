/** Look-alikes - one thing that leaves the mark of another, or two at once - and what no evidence can ever tell. */
import { type FindingCause } from '../../src/domain/finding.ts';
import { AFTER_CLOSE, NOON, type Make } from './plainCases.ts';
import { contract, type Case, type Choices, type Stage, type Truth } from './stage.ts';

interface Tricky {
  readonly name: string;
  readonly label: FindingCause;
  readonly truths: readonly (readonly [symbol: string, cause: FindingCause, tellsWhileOpen: boolean])[];
  readonly inseparable?: boolean;
  readonly isUnknowable?: boolean;
  readonly published?: boolean;
  readonly at?: string;
  readonly prepare?: (stage: Stage) => Promise<void>;
  readonly make: (stage: Stage) => Promise<void>;
  readonly settle?: (stage: Stage) => Promise<void>;
}

function tricky({ truths, ...rest }: Tricky): Case {
  const said = truths.map(([symbol, cause, tellsWhileOpen]): Truth => ({ symbol, cause, tellsWhileOpen }));
  return {
    at: NOON,
    published: true,
    prepare: async () => {},
    isLookAlike: rest.isUnknowable !== true,
    isUnknowable: false,
    ...rest,
    truths: said,
  };
}

const LATE = { publish: 'next-day' } as const;
const NEVER = { publish: 'never' } as const;

function first({ stocks }: Choices): Choices['stocks'][number] {
  return stocks[0]!;
}

/** Both the contract and its shares were sold at the strike, by two orders: no assignment. */
const saleLikeAssignment: Make = (choices) => {
  const stock = first(choices);
  const symbol = contract(stock.symbol, 'C', stock.price - 5, '251219');
  return tricky({
    name: 'sale_like_assignment',
    label: 'manual_trade',
    truths: [
      [symbol, 'manual_trade', true],
      [stock.symbol, 'manual_trade', true],
    ],
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '150', String(stock.price));
      await stage.sell(symbol, '1', '9');
    },
    make: async (stage) => {
      await stage.buy(symbol, '1', '9.4', { ...LATE, clientRef: 'by-hand-1' });
      await stage.sell(stock.symbol, '100', String(stock.price - 5), { ...LATE, clientRef: 'by-hand-2' });
    },
  });
};

/** A contract expired worthless on the day a hundred shares were transferred. */
const transferLikeAssignment: Make = (choices) => {
  const stock = first(choices);
  const symbol = contract(stock.symbol, 'C', stock.price + 60);
  return tricky({
    name: 'transfer_like_assignment',
    label: 'expiry',
    truths: [
      [symbol, 'expiry', true],
      [stock.symbol, 'transfer', true],
    ],
    at: AFTER_CLOSE,
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '130', String(stock.price));
      await stage.sell(symbol, '1', '0.3');
    },
    make: async (stage) => {
      await stage.option('expire', symbol, '1');
      await stage.transfer('out', stock.symbol, '100', LATE);
    },
  });
};

/** One leg of a spread was assigned, the other expired. */
const spread: Make = (choices) => {
  const stock = first(choices);
  const [short, long] = [
    contract(stock.symbol, 'C', stock.price - 10),
    contract(stock.symbol, 'C', stock.price + 60),
  ] as const;
  return tricky({
    name: 'spread_at_expiry',
    label: 'assignment',
    truths: [
      [short, 'assignment', true],
      [long, 'expiry', true],
    ],
    at: AFTER_CLOSE,
    prepare: async (stage) => {
      await stage.sell(short, '1', '11');
      await stage.buy(long, '1', '0.3');
    },
    make: async (stage) => {
      await stage.option('assign', short, '1');
      await stage.option('expire', long, '1');
    },
  });
};

/** Assigned, and shares of the same stock bought by an order on the same day. */
const assignmentAndTrade: Make = (choices) => {
  const stock = first(choices);
  const symbol = contract(stock.symbol, 'P', stock.price + 10);
  const many = String(choices.chance.integer(3, 40));
  return tricky({
    name: 'assignment_and_trade',
    label: 'assignment',
    truths: [
      [symbol, 'assignment', true],
      [stock.symbol, 'manual_trade', true],
    ],
    prepare: async (stage) => void (await stage.sell(symbol, '1', '11')),
    make: async (stage) => {
      await stage.option('assign', symbol, '1');
      await stage.buy(stock.symbol, many, String(stock.price), { ...LATE, clientRef: 'by-hand' });
    },
  });
};

/** Assigned, and money came in on the same day. */
const assignmentAndDeposit: Make = (choices) => {
  const stock = first(choices);
  const symbol = contract(stock.symbol, 'C', stock.price - 10);
  return tricky({
    name: 'assignment_and_deposit',
    label: 'assignment',
    truths: [
      [symbol, 'assignment', true],
      ['USD', 'deposit_withdrawal', false],
    ],
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '100', String(stock.price));
      await stage.sell(symbol, '1', '11');
    },
    make: async (stage) => {
      await stage.option('assign', symbol, '1');
      await stage.cash('deposit', '750', LATE);
    },
  });
};

/** A purchase that doubles the holding: no split. */
const purchaseLikeSplit: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'purchase_like_split',
    label: 'missing_fill',
    truths: [[stock.symbol, 'missing_fill', true]],
    prepare: async (stage) => void (await stage.buy(stock.symbol, '30', String(stock.price))),
    make: async (stage) => void (await stage.buy(stock.symbol, '30', String(stock.price), LATE)),
  });
};

/** Shares transferred in that double the holding, perhaps at no cost: no split. */
const transferLikeSplit: Make = (choices) => {
  const stock = first(choices);
  const basis = choices.chance.pick([{}, { basis: '0' }, { basis: String(stock.price * 30) }]);
  return tricky({
    name: 'transfer_like_split',
    label: 'transfer',
    truths: [[stock.symbol, 'transfer', true]],
    prepare: async (stage) => void (await stage.buy(stock.symbol, '30', String(stock.price))),
    make: (stage) => stage.transfer('in', stock.symbol, '30', { ...LATE, ...basis }),
  });
};

/** As many shares of one name left as came of another: no rename. */
const transfersLikeRename: Make = (choices) => {
  const [one, other] = choices.stocks as [Choices['stocks'][number], Choices['stocks'][number]];
  return tricky({
    name: 'transfers_like_rename',
    label: 'transfer',
    truths: [
      [one.symbol, 'transfer', false],
      [other.symbol, 'transfer', false],
    ],
    inseparable: true,
    prepare: async (stage) => void (await stage.buy(one.symbol, '24', String(one.price))),
    make: async (stage) => {
      // At the very cost of what left, perhaps: only the market price tells then.
      const basis = choices.chance.once(2) ? { basis: String(24 * one.price) } : {};
      await stage.transfer('out', one.symbol, '24', LATE);
      await stage.transfer('in', other.symbol, '24', { ...LATE, ...basis });
    },
  });
};

/** As many shares as a sale would take, without the money of one. */
const transferLikeSale: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'transfer_like_sale',
    label: 'transfer',
    truths: [[stock.symbol, 'transfer', true]],
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '20', String(stock.price));
      await stage.buy(stock.symbol, '20', String(stock.price + 1));
    },
    make: (stage) => stage.transfer('out', stock.symbol, choices.chance.pick(['20', '40']), LATE),
  });
};

/** A trade and a transfer in one instrument: the order tells them apart. */
const tradeAndTransfer: Make = (choices) => {
  const stock = first(choices);
  const [many, more] = [choices.chance.integer(2, 20), choices.chance.integer(21, 30)];
  return tricky({
    name: 'trade_and_transfer',
    label: 'manual_trade',
    truths: [
      [stock.symbol, 'manual_trade', true],
      [stock.symbol, 'transfer', false],
    ],
    prepare: async (stage) => void (await stage.buy(stock.symbol, '50', String(stock.price))),
    make: async (stage) => {
      await stage.sell(stock.symbol, String(many), String(stock.price), { ...LATE, clientRef: 'by-hand' });
      await stage.transfer('out', stock.symbol, String(more), LATE);
    },
  });
};

/** A split on a day with a purchase that is not listed either. */
const splitAndTrade: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'split_and_trade',
    label: 'split',
    truths: [
      [stock.symbol, 'split', false],
      [stock.symbol, 'manual_trade', false],
    ],
    inseparable: true,
    prepare: async (stage) => void (await stage.buy(stock.symbol, '40', String(stock.price))),
    make: async (stage) => {
      await stage.action({ kind: 'split', symbol: stock.symbol, newShares: '4', oldShares: '1', ...LATE });
      await stage.buy(stock.symbol, '10', String(stock.price / 4), { ...LATE, clientRef: 'by-hand' });
    },
  });
};

/** Two sums at once: nothing tells them apart until both are listed. */
const twoSums: Make = ({ chance }) => {
  const [one, other] = chance.pick([
    [
      ['deposit', '500', 'deposit_withdrawal'],
      ['fee', '3.12', 'fee'],
    ],
    [
      ['dividend', '1440', 'dividend'],
      ['interest', '-20.11', 'interest'],
    ],
    [
      ['withdrawal', '900', 'deposit_withdrawal'],
      ['dividend', '120.4', 'dividend'],
    ],
  ] as const);
  return tricky({
    name: 'two_sums',
    label: one[2],
    truths: [
      ['USD', one[2], false],
      ['USD', other[2], false],
    ],
    inseparable: true,
    make: async (stage) => {
      await stage.cash(one[0], one[1], LATE);
      await stage.cash(other[0], other[1], LATE);
    },
  });
};

/** Money of a kind that looks like another's: a dividend of whole hundreds, a fee as large as a withdrawal. */
const moneyLikeOther: Make = ({ chance }) => {
  const [kind, cause, amount] = chance.pick([
    ['dividend', 'dividend', '600'],
    ['fee', 'fee', '200'],
    ['interest', 'interest', '100'],
    ['withdrawal', 'deposit_withdrawal', '3'],
  ] as const);
  return tricky({
    name: 'money_like_other',
    label: cause,
    truths: [['USD', cause, false]],
    make: (stage) => stage.cash(kind, amount, LATE),
  });
};

/** A sale at the price and size of an earlier purchase: no bust. */
const saleLikeBust: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'sale_like_bust',
    label: 'manual_trade',
    truths: [[stock.symbol, 'manual_trade', true]],
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '25', String(stock.price));
      await stage.buy(stock.symbol, '8', String(stock.price + 1));
    },
    make: async (stage) =>
      void (await stage.sell(stock.symbol, '8', String(stock.price + 1), { ...LATE, clientRef: 'by-hand' })),
  });
};

/** The dust of a holding was sold: no rounding. */
const saleLikeRounding: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'sale_like_rounding',
    label: 'missing_fill',
    truths: [[stock.symbol, 'missing_fill', true]],
    prepare: async (stage) => void (await stage.buy(stock.symbol, '4.123', String(stock.price))),
    make: async (stage) => void (await stage.sell(stock.symbol, '0.003', String(stock.price), LATE)),
  });
};

/** The dust of a holding was transferred: no rounding. */
const transferLikeRounding: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'transfer_like_rounding',
    label: 'transfer',
    truths: [[stock.symbol, 'transfer', false]],
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '4.123', String(stock.price));
      if (choices.chance.once(2)) await stage.buy(stock.symbol, '3', `${stock.price}.377`);
    },
    make: (stage) => stage.transfer('out', stock.symbol, '0.003', LATE),
  });
};

/** A worthless contract expired, a hundred shares left and as much money came as the strike: no assignment. */
const threeLikeAssignment: Make = (choices) => {
  const stock = first(choices);
  const symbol = contract(stock.symbol, 'C', stock.price + 60);
  return tricky({
    name: 'three_like_assignment',
    label: 'expiry',
    truths: [
      [symbol, 'expiry', false],
      [stock.symbol, 'transfer', false],
      ['USD', 'deposit_withdrawal', false],
    ],
    inseparable: true,
    at: AFTER_CLOSE,
    prepare: async (stage) => {
      await stage.buy(stock.symbol, '130', String(stock.price));
      await stage.sell(symbol, '1', '0.3');
    },
    make: async (stage) => {
      await stage.option('expire', symbol, '1');
      await stage.transfer('out', stock.symbol, '100', LATE);
      await stage.cash('deposit', String((stock.price + 60) * 100), LATE);
    },
  });
};

/** What was bought today was transferred away: the broker says what it said before, and is not late. */
const transferLikeStale: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'transfer_like_stale',
    label: 'transfer',
    truths: [[stock.symbol, 'transfer', false]],
    prepare: async (stage) => void (await stage.buy(stock.symbol, '9', String(stock.price))),
    make: async (stage) => {
      await stage.buy(stock.symbol, '7', String(stock.price));
      await stage.transfer('out', stock.symbol, '7', LATE);
    },
  });
};

/** Two trades in one instrument, one by a program and one by hand. */
const twoHands: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'two_hands',
    label: 'manual_trade',
    truths: [
      [stock.symbol, 'manual_trade', true],
      [stock.symbol, 'missing_fill', true],
    ],
    make: async (stage) => {
      await stage.buy(stock.symbol, '7', String(stock.price), { ...LATE, clientRef: 'by-hand' });
      await stage.buy(stock.symbol, '12', String(stock.price), LATE);
    },
  });
};

/** Open since yesterday, and today something else in the same account. */
const oneAfterTheOther: Make = (choices) => {
  const [one, other] = choices.stocks as [Choices['stocks'][number], Choices['stocks'][number]];
  return tricky({
    name: 'one_after_the_other',
    label: 'transfer',
    truths: [
      [one.symbol, 'transfer', true],
      [other.symbol, 'manual_trade', true],
    ],
    prepare: async (stage) => void (await stage.buy(other.symbol, '10', String(other.price))),
    make: async (stage) => {
      await stage.transfer('in', one.symbol, '15', LATE);
      await stage.sync();
      await stage.world.advance('5m');
      await stage.sell(other.symbol, '4', String(other.price), { ...LATE, clientRef: 'by-hand' });
    },
  });
};

// ---- what cannot be known -----------------------------------------------------------------------------------------

/** Money that no row will ever explain. */
const silentMoney: Make = ({ chance }) => {
  const [kind, amount] = chance.pick([
    ['deposit', '300'],
    ['deposit', '417.2'],
    ['withdrawal', '250'],
    ['dividend', '144'],
    ['interest', '2.77'],
    ['fee', '1.1'],
  ] as const);
  return tricky({
    name: 'silent_money',
    label: 'unknown',
    truths: [['USD', 'unknown', true]],
    isUnknowable: true,
    published: false,
    make: (stage) => stage.cash(kind, amount, NEVER),
  });
};

/** Shares left and their price came in: a sale, but for the order. */
const silentSwap: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'silent_swap',
    label: 'unknown',
    truths: [[stock.symbol, 'unknown', true]],
    isUnknowable: true,
    published: false,
    prepare: async (stage) => void (await stage.buy(stock.symbol, '30', String(stock.price))),
    make: async (stage) => {
      const many = choices.chance.pick([10, 30]);
      await stage.transfer('out', stock.symbol, String(many), NEVER);
      await stage.cash('deposit', String(many * stock.price), NEVER);
    },
  });
};

/** Shares and money left, in no proportion. */
const silentMess: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'silent_mess',
    label: 'unknown',
    truths: [[stock.symbol, 'unknown', true]],
    isUnknowable: true,
    published: false,
    prepare: async (stage) => void (await stage.buy(stock.symbol, '30', String(stock.price))),
    make: async (stage) => {
      await stage.transfer('out', stock.symbol, '7', NEVER);
      await stage.cash('withdrawal', '93.5', NEVER);
    },
  });
};

/** It came back by itself, by a second transfer nobody listed either: the difference is gone and nobody knows why. */
const silentReturn: Make = (choices) => {
  const stock = first(choices);
  return tricky({
    name: 'silent_return',
    label: 'unknown',
    truths: [[stock.symbol, 'unknown', true]],
    isUnknowable: true,
    published: false,
    prepare: async (stage) => void (await stage.buy(stock.symbol, '30', String(stock.price))),
    make: (stage) => stage.transfer('in', stock.symbol, '6', NEVER),
    settle: (stage) => stage.transfer('out', stock.symbol, '6', NEVER),
  });
};

export const LOOK_ALIKES: readonly (readonly [weight: number, make: Make])[] = [
  [3, saleLikeAssignment],
  [3, transferLikeAssignment],
  [3, spread],
  [3, assignmentAndTrade],
  [2, assignmentAndDeposit],
  [3, purchaseLikeSplit],
  [3, transferLikeSplit],
  [2, transfersLikeRename],
  [2, transferLikeSale],
  [2, tradeAndTransfer],
  [2, splitAndTrade],
  [2, twoSums],
  [2, moneyLikeOther],
  [2, saleLikeBust],
  [2, saleLikeRounding],
  [2, transferLikeRounding],
  [1, threeLikeAssignment],
  [2, transferLikeStale],
  [2, twoHands],
  [2, oneAfterTheOther],
];

export const UNKNOWABLE: readonly (readonly [weight: number, make: Make])[] = [
  [4, silentMoney],
  [2, silentSwap],
  [2, silentMess],
  [2, silentReturn],
];
