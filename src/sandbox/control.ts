/**
 * The control API: a person or a test plays broker (design section 9). A POST answers `{"created": [truth records]}`;
 * a call that makes no sense is a 400 whose `error` says why, and changes nothing.
 */
import { compareInstants, instantFromMs, instantToMs } from '../domain/time.ts';
import { isTruebookError } from '../domain/errors.ts';
import { type World } from './broker.ts';
import { Fields } from './controlFields.ts';
import {
  FAULT_KINDS,
  FAULT_RESOURCES,
  STREAM_KINDS,
  STREAM_ONLY,
  faultRecord,
  type Fault,
  type FaultCall,
} from './faults.ts';
import { nextDay } from './clock.ts';
import { type CorporateActionCall } from './actionCalls.ts';
import { type Publish } from './entries.ts';
import { type TradeCall } from './ledger.ts';
import { Refusal } from './refusal.ts';
import { createdRecord, truthOf, wireId } from './truth.ts';
import { frozen, viewOf } from './view.ts';
import { type Decimal } from '../domain/decimal.ts';

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

type Created = readonly Record<string, unknown>[];

const PUBLISH: readonly Publish[] = ['now', 'next-day', 'never'];
const BROKERS = ['alpaca'] as const;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface ControlOptions {
  /** What an account holds after a reset. */
  readonly startingCash: Decimal;
  /** Faces act on some faults the moment they are posted. */
  readonly onFault: (fault: Fault) => void;
}

export class Control {
  readonly #world: World;
  readonly #options: ControlOptions;
  readonly #posts: Readonly<Record<string, (fields: Fields) => Created>>;

  constructor(world: World, options: ControlOptions) {
    this.#world = world;
    this.#options = options;
    this.#posts = {
      '/control/trade': (fields) => this.#trade(fields),
      '/control/trade-all': (fields) => this.#tradeAll(fields),
      '/control/cash': (fields) => this.#cash(fields),
      '/control/corporate-action': (fields) => this.#corporateAction(fields),
      '/control/option': (fields) => this.#option(fields),
      '/control/transfer': (fields) => this.#transfer(fields),
      '/control/price': (fields) => this.#price(fields),
      '/control/account': (fields) => this.#account(fields),
      '/control/amend': (fields) => this.#amend(fields),
      '/control/fault': (fields) => this.#fault(fields),
      '/control/clock': (fields) => this.#clock(fields),
    };
  }

  /** Answers one call. `target` is path and query, `body` parsed JSON whose numbers are `NumberText`. */
  call(method: string, target: string, body: unknown): ControlAnswer {
    const url = new URL(target, 'http://sandbox.invalid');
    try {
      return this.#call(method, url, body);
    } catch (error) {
      if (error instanceof Refusal || isTruebookError(error))
        return { status: 400, body: { error: error.message } };
      throw error;
    }
  }

  #call(method: string, url: URL, body: unknown): ControlAnswer {
    const { clock, faults, requests } = this.#world;
    const path = url.pathname;
    if (method === 'POST' && this.#posts[path] !== undefined) {
      return { status: 200, body: { created: this.#posts[path](new Fields(body)) } };
    }
    if (method === 'DELETE' && path === '/control/fault') {
      faults.clear();
      return { status: 200, body: { created: [] } };
    }
    if (method === 'GET') {
      if (path === '/control/clock') return { status: 200, body: { now: clock.now() } };
      if (path === '/control/requests') return { status: 200, body: requests.all() };
      if (path === '/control/fault' || path === '/control/faults')
        return { status: 200, body: faults.active().map(faultRecord) };
      if (path === '/control/truth')
        return { status: 200, body: this.#truth(url.searchParams.get('account')) };
    }
    return { status: 404, body: { error: `there is no ${method} ${path}` } };
  }

  #truth(name: string | null): unknown {
    const { ledger, clock } = this.#world;
    if (name !== null && name !== '') return truthOf(ledger, name, clock.now());
    return ledger.accounts().map((account) => truthOf(ledger, account.name, clock.now()));
  }

  #trade(fields: Fields): Created {
    const { ledger } = this.#world;
    const account = fields.text('account');
    const order = fields.has('order') ? orderFields(fields.object('order')) : undefined;
    const onlyCancels = order?.cancel === true && order.id !== undefined && !fields.has('quantity');
    if (onlyCancels) {
      fields.end();
      const canceled = ledger.cancel(account, order.id!);
      return [{ account, orderId: canceled.id, status: 'canceled' }];
    }
    const call: TradeCall = {
      symbol: fields.text('symbol'),
      side: fields.word('side', ['buy', 'sell']),
      quantity: fields.amount('quantity', order !== undefined),
      price: fields.amount('price', true),
      ...(fields.has('at') ? { at: fields.instant('at') } : {}),
      ...(fields.has('fees') ? { fees: fields.amount('fees', true) } : {}),
      ...(fields.has('clientRef') ? { clientRef: fields.text('clientRef') } : {}),
      ...(fields.has('publish') ? { publish: fields.word('publish', PUBLISH) } : {}),
      ...(order === undefined ? {} : { order }),
    };
    fields.end();
    const made = ledger.trade(account, call);
    const after = ledger.account(account);
    if (made.entries.length > 0) return made.entries.map((entry) => createdRecord(after, entry));
    return [
      {
        account,
        orderId: made.order.id,
        clientRef: made.order.clientOrderId,
        status: made.order.canceledAt === null ? 'open' : 'canceled',
      },
    ];
  }

  /** Every stock the account holds, at its price of the moment: an order and a fill each. */
  #tradeAll(fields: Fields): Created {
    const { ledger, clock } = this.#world;
    const name = fields.text('account');
    const side = fields.word('side', ['buy', 'sell']);
    const quantity = fields.amount('quantity');
    fields.end();
    const now = clock.now();
    const stocks = [...ledger.standing(ledger.account(name), now).holdings.values()]
      .map((holding) => holding.instrument)
      .filter((instrument) => instrument.kind === 'equity');
    const entries = ledger.tradeAll(
      name,
      stocks.map((instrument) => ({
        symbol: instrument.symbol,
        side,
        quantity,
        price: ledger.market.price(instrument, now),
      })),
    );
    const account = ledger.account(name);
    return entries.map((entry) => createdRecord(account, entry));
  }

  #cash(fields: Fields): Created {
    const { ledger } = this.#world;
    const account = fields.text('account');
    const kind = fields.word('kind', ['deposit', 'withdrawal', 'dividend', 'interest', 'fee']);
    const amount = fields.decimal('amount');
    const symbol = fields.has('symbol') ? fields.text('symbol') : null;
    const publish = fields.has('publish') ? fields.word('publish', PUBLISH) : 'now';
    fields.end();
    return ledger
      .cash(account, kind, amount, symbol, publish)
      .map((entry) => createdRecord(ledger.account(account), entry));
  }

  #corporateAction(fields: Fields): Created {
    const call = corporateActionFields(fields);
    fields.end();
    return this.#world.ledger
      .corporateAction(call)
      .map(({ account, entry }) => createdRecord(account, entry));
  }

  #option(fields: Fields): Created {
    const { ledger } = this.#world;
    const account = fields.text('account');
    const kind = fields.word('kind', ['expire', 'assign', 'exercise']);
    const symbol = fields.text('symbol');
    const quantity = fields.amount('quantity');
    // Alpaca lists what became of an option at the start of the next day (brokers/alpaca.md, third of the ten things).
    const publish = fields.has('publish') ? fields.word('publish', ['now', 'next-day'] as const) : 'next-day';
    fields.end();
    return ledger
      .optionEvent(account, kind, symbol, quantity, publish)
      .map((entry) => createdRecord(ledger.account(account), entry));
  }

  #transfer(fields: Fields): Created {
    const { ledger } = this.#world;
    const account = fields.text('account');
    const direction = fields.word('direction', ['in', 'out']);
    const symbol = fields.text('symbol');
    const quantity = fields.amount('quantity');
    const basis = fields.has('basis') ? fields.amount('basis', true) : null;
    const publish = fields.has('publish') ? fields.word('publish', PUBLISH) : 'now';
    fields.end();
    return ledger
      .transfer(account, direction, symbol, quantity, basis, publish)
      .map((entry) => createdRecord(ledger.account(account), entry));
  }

  #price(fields: Fields): Created {
    const { ledger, clock } = this.#world;
    const instrument = ledger.instrument(fields.text('symbol'));
    const price = fields.amount('price');
    const hold = fields.has('hold') && fields.flag('hold');
    fields.end();
    ledger.market.setPrice(instrument, price, clock.now(), hold);
    return [{ symbol: instrument.symbol, price: price.toString() }];
  }

  #account(fields: Fields): Created {
    const name = fields.text('account');
    const action = fields.word('action', ['reset', 'new-keys']);
    fields.end();
    if (action === 'new-keys') {
      const { keyId, secretKey } = this.#world.ledger.newKeys(name);
      return [{ account: name, keyId, secretKey }];
    }
    const account = this.#world.ledger.reset(name, this.#options.startingCash);
    return [
      { account: name, brokerAccountId: account.id, number: account.number, createdAt: account.createdAt },
    ];
  }

  #amend(fields: Fields): Created {
    const { ledger } = this.#world;
    const name = fields.text('account');
    const fill = fields.text('fill');
    const kind = fields.word('kind', ['correct', 'bust']);
    const price = fields.has('price') ? fields.amount('price', true) : null;
    const quantity = fields.has('quantity') ? fields.amount('quantity') : null;
    fields.end();
    if (kind === 'bust' && (price ?? quantity) !== null)
      throw new Refusal('a bust takes neither price nor quantity');
    const account = ledger.account(name);
    const entry = ledger.amend(
      name,
      (one) => wireId(account, one) === fill || one.uuid === fill,
      kind,
      price,
      quantity,
    );
    return [createdRecord(ledger.account(name), entry)];
  }

  #fault(fields: Fields): Created {
    const { ledger, faults, clock } = this.#world;
    const call: FaultCall = {
      broker: fields.word('broker', BROKERS),
      account: fields.has('account') ? ledger.account(fields.text('account')).name : null,
      resource: fields.has('resource') ? fields.word('resource', FAULT_RESOURCES) : null,
      kind: fields.word('kind', FAULT_KINDS),
      times: fields.has('times') ? fields.integer('times') : null,
      forMs: fields.has('forMs') ? fields.integer('forMs') : null,
      status: fields.has('status') ? fields.integer('status') : null,
      at: fields.has('at') ? fields.signedInteger('at') : null,
      retryAfter: fields.has('retryAfter') ? fields.text('retryAfter') : null,
      page: fields.has('page') ? fields.integer('page') : null,
    };
    fields.end();
    checkFault(call);
    const before = new Map(
      ledger.accounts().map((account) => [account.name, frozen(viewOf(ledger, account.name, clock.now()))]),
    );
    const fault = faults.post(call, before);
    this.#options.onFault(fault);
    return [faultRecord(fault)];
  }

  #clock(fields: Fields): Created {
    const { clock } = this.#world;
    if (!clock.manual)
      throw new Refusal('this sandbox runs on wall time: start it with --clock manual to move its clock');
    if (fields.has('advance') === fields.has('at'))
      throw new Refusal('give either advance (milliseconds, or 90s, 15m, 2h, 1d, next-day) or at');
    const to = fields.has('at') ? fields.instant('at') : advanced(clock.now(), fields.text('advance'));
    fields.end();
    if (compareInstants(to, clock.now()) < 0)
      throw new Refusal(`${to} lies before ${clock.now()}: this clock only goes forward`);
    clock.moveTo(instantToMs(to));
    return [];
  }
}

function corporateActionFields(fields: Fields): CorporateActionCall {
  const kind = fields.word('kind', ['split', 'rename', 'spinoff', 'merger']);
  const amount = (name: string): Decimal | null => (fields.has(name) ? fields.amount(name) : null);
  const common = {
    symbol: fields.text('symbol'),
    ...(fields.has('publish') ? { publish: fields.word('publish', PUBLISH) } : {}),
  };
  switch (kind) {
    case 'split': {
      const ratio = { newShares: fields.amount('newShares'), oldShares: fields.amount('oldShares') };
      return { ...common, kind, ...ratio, cashInLieu: amount('cashInLieu') };
    }
    case 'rename':
      return { ...common, kind, to: fields.text('to') };
    case 'spinoff': {
      const ratio = { newShares: fields.amount('newShares'), perOld: fields.amount('perOld') };
      const cash = { basisFraction: amount('basisFraction'), cashInLieu: amount('cashInLieu') };
      return { ...common, kind, to: fields.text('to'), ...ratio, ...cash };
    }
    case 'merger': {
      const ratio = { newShares: amount('newShares'), perOld: amount('perOld') };
      const cash = { cashPerShare: amount('cashPerShare'), cashInLieu: amount('cashInLieu') };
      return { ...common, kind, to: fields.has('to') ? fields.text('to') : null, ...ratio, ...cash };
    }
  }
}

function orderFields(fields: Fields): NonNullable<TradeCall['order']> {
  const order = {
    ...(fields.has('id') ? { id: fields.text('id') } : {}),
    ...(fields.has('quantity') ? { quantity: fields.amount('quantity') } : {}),
    ...(fields.has('cancel') ? { cancel: fields.flag('cancel') } : {}),
  };
  fields.end();
  return order;
}

/** Refuses combinations that could never have an effect: a fault that does nothing would make a test that cannot fail. */
function checkFault({ kind, resource, status, times, at, retryAfter, page }: FaultCall): void {
  if (kind === 'device-approval') throw new Refusal('device-approval: not for Alpaca');
  if (resource === 'flex') throw new Refusal('resource flex: not for Alpaca');
  if (STREAM_ONLY.has(kind) && resource !== null && resource !== 'stream')
    throw new Refusal(`${kind} is for the resource stream`);
  if (resource === 'stream' && !STREAM_KINDS.has(kind))
    throw new Refusal(`${kind} has no meaning on a stream; there are ${[...STREAM_KINDS].join(', ')}`);
  if (status !== null && kind !== 'status' && kind !== 'html')
    throw new Refusal(`status goes with the kinds status and html, not ${kind}`);
  if (status !== null && (status < 200 || status > 599)) throw new Refusal('status must be an HTTP status');
  if (times === 0) throw new Refusal('times must be above 0');
  if (page === 0) throw new Refusal('page must be above 0: the first page is 1');
  if (page !== null && resource !== 'activities') throw new Refusal('page goes with the resource activities');
  if (at !== null && at < 0 && kind !== 'clock-skew')
    throw new Refusal(`at must not be negative for ${kind}: only a clock can lag behind`);
  if (retryAfter !== null && kind !== 'status')
    throw new Refusal(`retryAfter goes with the kind status, not ${kind}`);
  if (retryAfter !== null && !/^[ -~]{1,100}$/.test(retryAfter))
    throw new Refusal('retryAfter must be the value of a header: at most 100 plain characters');
  if (
    kind === 'short-history' &&
    resource !== null &&
    !['activities', 'orders', 'account', 'auth'].includes(resource)
  ) {
    throw new Refusal('short-history is for activities, orders and account (portfolio history)');
  }
}

function advanced(now: ReturnType<World['clock']['now']>, text: string): ReturnType<World['clock']['now']> {
  if (text === 'next-day') return nextDay(now);
  const match = /^(\d{1,12})(ms|s|m|h|d)?$/.exec(text);
  if (match === null) throw new Refusal('advance must be milliseconds, or like 90s, 15m, 2h, 1d, next-day');
  return instantFromMs(instantToMs(now) + Number.parseInt(match[1]!, 10) * UNIT_MS[match[2] ?? 'ms']!);
}
