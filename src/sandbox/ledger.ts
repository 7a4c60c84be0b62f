/**
 * The one ledger of truth. Every verb books entries and answers them; positions and cash follow from the entries alone
 * (`fold`). What a broker lists, and when, is `publishedAt`; what a position is follows at once. Amounts are exact.
 */
import { Decimal, decimal } from '../domain/decimal.ts';
import { isAdjustedRoot, option, type Instrument } from '../domain/instrument.ts';
import { compareInstants, type Instant } from '../domain/time.ts';
import { dayEnd, nextDay } from './clock.ts';
import { actionOf, type CorporateActionCall } from './actionCalls.ts';
import { sharesOf, underlyingOf } from './changes.ts';
import { isBefore, withActions } from './corporateActions.ts';
import {
  type Account,
  type AdjustedContract,
  type CorporateAction,
  type Entry,
  type EntryKind,
  type Order,
  type Publish,
  type Side,
} from './entries.ts';
import { fold, type Standing } from './fold.ts';
import { HeldQuantities } from './held.ts';
import { instrumentOf } from './instruments.ts';
import { type Market } from './market.ts';
import { Refusal } from './refusal.ts';
import { type Seeded } from './seeded.ts';

export interface TradeCall {
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly at?: Instant;
  readonly fees?: Decimal;
  readonly clientRef?: string;
  readonly publish?: Publish;
  readonly order?: { readonly id?: string; readonly quantity?: Decimal; readonly cancel?: boolean };
}

export type OrderEvent = {
  readonly account: Account;
  readonly order: Order;
  readonly event: 'new' | 'fill' | 'partial_fill' | 'canceled';
  readonly entry: Entry | null;
};

/** Digits behind the point of a quantity that brokers keep. */
const QUANTITY_PLACES = 9;
/** Margin of a stock order's price over its fill, for limit prices that look alive. */
const LIMIT_ROOM = decimal('1.005');

export class Ledger {
  readonly #now: () => Instant;
  readonly #seeded: Seeded;
  readonly market: Market;
  #accounts = new Map<string, Account>();
  #actions: readonly CorporateAction[] = [];
  #contracts: ReadonlyMap<string, AdjustedContract> = new Map();
  #serial = 0;
  #listeners: ((event: OrderEvent) => void)[] = [];
  readonly #held = new HeldQuantities();
  #standings = new WeakMap<Account, { until: Instant | null; from: Instant; standing: Standing }>();

  constructor(now: () => Instant, seeded: Seeded, market: Market) {
    this.#now = now;
    this.#seeded = seeded;
    this.market = market;
  }

  get actions(): readonly CorporateAction[] {
    return this.#actions;
  }

  get contracts(): ReadonlyMap<string, AdjustedContract> {
    return this.#contracts;
  }

  onOrderEvent(hear: (event: OrderEvent) => void): void {
    this.#listeners.push(hear);
  }

  accounts(): Account[] {
    return [...this.#accounts.values()];
  }

  /** Throws `Refusal` for a name that is none. */
  account(name: string): Account {
    const account = this.#accounts.get(name);
    if (account === undefined) {
      throw new Refusal(`unknown account "${name}"; there are ${[...this.#accounts.keys()].join(', ')}`);
    }
    return account;
  }

  open(account: Omit<Account, 'entries' | 'orders'>): void {
    this.#accounts.set(account.name, { ...account, entries: [], orders: [] });
  }

  /** Positions and cash of an account as of `now`; kept until something changes or becomes due. */
  standing(account: Account, now: Instant): Standing {
    const kept = this.#standings.get(account);
    if (
      kept !== undefined &&
      compareInstants(now, kept.from) >= 0 &&
      (kept.until === null || compareInstants(now, kept.until) < 0)
    ) {
      return kept.standing;
    }
    const standing = fold(account.entries, now);
    let until: Instant | null = null;
    for (const { at } of account.entries) {
      if (compareInstants(at, now) > 0 && (until === null || compareInstants(at, until) < 0)) until = at;
    }
    this.#standings.set(account, { until, from: now, standing });
    return standing;
  }

  /** The instrument a name means, adjusted contracts included. Throws `Refusal`. */
  instrument(symbol: string): Instrument {
    const adjusted = this.#contracts.get(symbol.trim().toUpperCase());
    if (adjusted !== undefined) return option(adjusted.symbol, { underlying: adjusted.underlying });
    const instrument = instrumentOf(symbol);
    if (instrument === null) throw new Refusal(`"${symbol}" is no stock, option (OCC) or crypto pair`);
    return instrument;
  }

  /** Executes a trade, or ends an order (`order.cancel`), or leaves one resting (quantity 0 of a larger order). */
  trade(name: string, call: TradeCall): { entries: Entry[]; order: Order } {
    const account = this.account(name);
    const instrument = this.#tradable(call.symbol, call.at ?? this.#now());
    const made = this.#execute(account, call, this.#heldAt(account, instrument, call.at ?? this.#now()));
    const { entries, order, known } = made;
    const orders = known
      ? account.orders.map((one) => (one.id === order.id ? order : one))
      : [...account.orders, order];
    const after = this.#keep({ ...account, entries: [...account.entries, ...entries], orders });
    this.#announce(after, order, entries[0] ?? null, !known);
    return { entries: entries.map((entry) => this.#current(after, entry)), order };
  }

  /**
   * Trades of different symbols, an order each, booked together: what `trade` does one by one, without folding the
   * account anew for each. Throws `Refusal` where a symbol comes twice or a call goes on with an order.
   */
  tradeAll(name: string, calls: readonly TradeCall[]): Entry[] {
    const account = this.account(name);
    const now = this.#now();
    const { holdings } = this.standing(account, now);
    if (
      new Set(calls.map((call) => call.symbol)).size < calls.length ||
      calls.some((call) => call.order ?? call.at)
    )
      throw new Refusal('one trade per symbol, now, without an order of its own');
    const made = calls.map((call) => {
      const held = holdings.get(this.#tradable(call.symbol, now).id)?.quantity ?? Decimal.zero;
      return this.#execute(account, call, held);
    });
    const entries = made.flatMap((one) => one.entries);
    const after = this.#keep({
      ...account,
      entries: [...account.entries, ...entries],
      orders: [...account.orders, ...made.map((one) => one.order)],
    });
    for (const one of made) this.#announce(after, one.order, one.entries[0] ?? null, true);
    return entries;
  }

  /** What a trade books, given what the account holds of the instrument. */
  #execute(
    account: Account,
    call: TradeCall,
    held: Decimal,
  ): { entries: Entry[]; order: Order; known: boolean } {
    const now = this.#now();
    const at = call.at ?? now;
    const instrument = this.#tradable(call.symbol, at);
    this.#checkTime(account, at, now);
    checkQuantity(instrument, call.quantity, call.order !== undefined);
    if (instrument.kind === 'crypto' && call.side === 'sell' && held.compare(call.quantity) < 0) {
      throw new Refusal(
        `${account.name} holds ${held.toString()} ${instrument.symbol}: crypto cannot be sold short`,
      );
    }
    this.market.know(
      instrument.option === null ? instrument.symbol : underlyingOf(instrument, this.#contracts),
      call.price,
      now,
    );

    const known = call.order?.id === undefined ? undefined : findOrder(account, call.order.id);
    const order = known ?? this.#newOrder(call, instrument, at, held);
    const filled = known === undefined ? Decimal.zero : filledOf(account, known);
    if (known !== undefined) checkSameOrder(account, known, call, instrument);
    const filledSoFar = filled.plus(call.quantity);
    const remaining = order.quantity.minus(filledSoFar);
    if (remaining.sign() < 0) {
      throw new Refusal(
        `order ${order.label} has ${order.quantity.minus(filled).toString()} left, not ${call.quantity.toString()}`,
      );
    }

    const signed = call.side === 'buy' ? call.quantity : call.quantity.negate();
    const entries: Entry[] = [];
    if (!call.quantity.isZero()) {
      const fill = this.#entry('fill', at, this.#publishing(call.publish ?? 'now', now), {
        instrument,
        quantity: signed,
        price: call.price,
        amount: signed.times(call.price).times(instrument.multiplier).negate(),
        fill: {
          side: call.side,
          opensShort: call.side === 'sell' && held.sign() <= 0,
          orderId: order.id,
          remaining,
          filledSoFar,
        },
      });
      entries.push(fill);
      if (call.fees !== undefined && !call.fees.isZero())
        entries.push(this.#feeOf(instrument, call.fees, call.price, at, now, fill));
    }
    const canceled =
      call.order?.cancel === true && remaining.sign() > 0 ? { ...order, canceledAt: now } : order;
    return { entries, order: canceled, known: known !== undefined };
  }

  /** Ends an order of which something is left. */
  cancel(name: string, id: string): Order {
    const account = this.account(name);
    const order = findOrder(account, id);
    if (order === undefined) throw new Refusal(`${name} has no order "${id}"`);
    if (!isWorking(account, order)) throw new Refusal(`order "${id}" is not open any more`);
    const canceled = { ...order, canceledAt: this.#now() };
    const after = this.#keep({
      ...account,
      orders: account.orders.map((one) => (one.id === order.id ? canceled : one)),
    });
    this.#announce(after, canceled, null, false);
    return canceled;
  }

  /** A spread: one parent order and a filled order per leg; quantities are per unit times `ratio`. */
  spread(
    name: string,
    clientRef: string,
    legs: readonly { symbol: string; side: Side; price: Decimal }[],
    units: Decimal,
  ): Entry[] {
    const account = this.account(name);
    const now = this.#now();
    const net = legs.reduce(
      (sum, leg) => (leg.side === 'buy' ? sum.plus(leg.price) : sum.minus(leg.price)),
      Decimal.zero,
    );
    const parent: Order = {
      ...this.#newOrder(
        { symbol: '', side: 'buy', quantity: units, price: net, clientRef },
        null,
        now,
        Decimal.zero,
      ),
      limitPrice: net.plus(decimal('0.1')),
    };
    const orders: Order[] = [parent];
    const entries: Entry[] = [];
    for (const leg of legs) {
      const instrument = this.instrument(leg.symbol);
      const held = this.#heldAt(account, instrument, now);
      const order = {
        ...this.#newOrder({ ...leg, quantity: units }, instrument, now, held),
        parentId: parent.id,
        ratio: Decimal.one,
        limitPrice: null,
      };
      const signed = leg.side === 'buy' ? units : units.negate();
      orders.push(order);
      entries.push(
        this.#entry('fill', now, now, {
          instrument,
          quantity: signed,
          price: leg.price,
          amount: signed.times(leg.price).times(instrument.multiplier).negate(),
          fill: {
            side: leg.side,
            opensShort: leg.side === 'sell' && held.sign() <= 0,
            orderId: order.id,
            remaining: Decimal.zero,
            filledSoFar: units,
          },
        }),
      );
    }
    this.#keep({
      ...account,
      entries: [...account.entries, ...entries],
      orders: [...account.orders, ...orders],
    });
    return entries;
  }

  /** Money moves; `amount` is positive except for interest charged. */
  cash(
    name: string,
    kind: 'deposit' | 'withdrawal' | 'funding' | 'dividend' | 'interest' | 'fee',
    amount: Decimal,
    symbol: string | null,
    publish: Publish = 'now',
  ): Entry[] {
    const account = this.account(name);
    const now = this.#now();
    if (amount.isZero() || (amount.sign() < 0 && kind !== 'interest'))
      throw new Refusal(`the amount of a ${kind} must be above 0`);
    const instrument = symbol === null ? null : this.instrument(symbol);
    const held = instrument === null ? null : this.#heldAt(account, instrument, now);
    const signed = kind === 'withdrawal' || kind === 'fee' ? amount.negate() : amount;
    return this.#book(account, [
      this.#entry(kind, now, this.#publishing(publish, now), {
        instrument,
        amount: signed,
        entitled: kind === 'dividend' ? held : null,
      }),
    ]);
  }

  /** Contracts expire worthless, are assigned (short ones) or exercised (long ones). */
  optionEvent(
    name: string,
    kind: 'expire' | 'assign' | 'exercise',
    symbol: string,
    quantity: Decimal,
    publish: 'now' | 'next-day',
  ): Entry[] {
    const account = this.account(name);
    const now = this.#now();
    const instrument = this.instrument(symbol);
    if (instrument.option === null) throw new Refusal(`${instrument.symbol} is not an option`);
    checkQuantity(instrument, quantity, false);
    const held = this.#heldAt(account, instrument, now);
    if (held.abs().compare(quantity) < 0) {
      throw new Refusal(`${name} holds ${held.toString()} ${instrument.symbol}, not ${quantity.toString()}`);
    }
    if (kind === 'assign' && held.sign() > 0)
      throw new Refusal('only a short option can be assigned; a long one is exercised');
    if (kind === 'exercise' && held.sign() < 0)
      throw new Refusal('only a long option can be exercised; a short one is assigned');
    if (kind !== 'expire' && (this.#contracts.get(instrument.symbol)?.others.length ?? 0) > 0)
      throw new Refusal(`${instrument.symbol} delivers more than one thing: it can only expire here`);
    const published = this.#publishing(publish, now);
    const group = this.#seeded.uuid();
    const removed = held.sign() > 0 ? quantity.negate() : quantity;
    const entries = [
      this.#entry(kind, now, published, { instrument, quantity: removed, price: Decimal.zero, group }),
    ];
    if (kind !== 'expire') {
      // A long call and a short put bring shares in; a short call and a long put take them out.
      const inward = (instrument.option.right === 'call') === held.sign() > 0;
      const shares = quantity.times(sharesOf(instrument, this.#contracts));
      const signed = inward ? shares : shares.negate();
      const { strike } = instrument.option;
      const cash = quantity.times(strike).times(instrument.multiplier);
      const stock = this.instrument(this.market.currentName(underlyingOf(instrument, this.#contracts)));
      const price = cash.dividedBy(shares, QUANTITY_PLACES);
      entries.push(
        this.#entry('delivery', now, published, {
          instrument: stock,
          quantity: signed,
          price,
          amount: inward ? cash.negate() : cash,
          group,
        }),
      );
    }
    return this.#book(account, entries);
  }

  /** Shares, contracts or coins arrive or leave without a trade. `basis` is the total cost of what arrives. */
  transfer(
    name: string,
    direction: 'in' | 'out',
    symbol: string,
    quantity: Decimal,
    basis: Decimal | null,
    publish: Publish,
  ): Entry[] {
    const account = this.account(name);
    const now = this.#now();
    const instrument = this.#tradable(symbol, now);
    checkQuantity(instrument, quantity, false);
    const held = this.#heldAt(account, instrument, now);
    if (direction === 'out' && held.compare(quantity) < 0) {
      throw new Refusal(
        `${name} holds ${held.toString()} ${instrument.symbol}: ${quantity.toString()} cannot leave`,
      );
    }
    const price =
      basis === null
        ? this.market.price(instrument, now)
        : basis.dividedBy(quantity.times(instrument.multiplier), 8);
    return this.#book(account, [
      this.#entry('transfer', now, this.#publishing(publish, now), {
        instrument,
        quantity: direction === 'in' ? quantity : quantity.negate(),
        price,
      }),
    ]);
  }

  /** Shares of many stocks arrive without a trade, booked together: the holdings of a large world. */
  receiveAll(
    name: string,
    rows: readonly { readonly symbol: string; readonly quantity: Decimal; readonly price: Decimal }[],
  ): Entry[] {
    const account = this.account(name);
    const now = this.#now();
    const entries = rows.map(({ symbol, quantity, price }) => {
      const instrument = this.#tradable(symbol, now);
      checkQuantity(instrument, quantity, false);
      this.market.know(instrument.symbol, price, now);
      return this.#entry('transfer', now, now, { instrument, quantity, price });
    });
    this.#keep({ ...account, entries: [...account.entries, ...entries] });
    return entries;
  }

  /** A corporate action on all accounts that hold the symbol, options on it included. Open orders of it end. */
  corporateAction(call: CorporateActionCall): { account: Account; entry: Entry }[] {
    const now = this.#now();
    const instrument = this.#tradable(call.symbol, now);
    if (instrument.kind !== 'equity') throw new Refusal(`${instrument.symbol} is not a stock`);
    const to = this.#targetOf(call, instrument.symbol, now);
    this.market.know(instrument.symbol, decimal('50'), now);
    this.#serial += 1;
    const action = actionOf(call, {
      id: this.#seeded.uuid(),
      serial: this.#serial,
      at: now,
      publishedAt: this.#publishing(call.publish ?? 'now', now),
      symbol: instrument.symbol,
      to,
      cashAt: call.kind === 'split' ? now : nextDay(now),
    });
    this.#actions = [...this.#actions, action];
    const made: { account: Account; entry: Entry }[] = [];
    for (const account of this.accounts()) {
      for (const order of account.orders) {
        if (
          order.instrument !== null &&
          touches(order.instrument, action, this.#contracts) &&
          isWorking(account, order)
        )
          this.cancel(account.name, order.id);
      }
      const after = this.#keep(this.account(account.name));
      for (const entry of after.entries)
        if (entry.action?.of.id === action.id) made.push({ account: after, entry });
    }
    this.#applyToMarket(action);
    return made;
  }

  /** The stock an action leads to, by its name; null where a merger pays cash alone. */
  #targetOf(call: CorporateActionCall, symbol: string, now: Instant): string | null {
    if (call.kind === 'split') return symbol;
    if (call.kind === 'rename') return this.#newName(call.to);
    if (call.to === null) return null;
    const to = this.#stockName(call.to);
    if (to === symbol) throw new Refusal(`${to} cannot become itself`);
    return this.#tradable(to, now).symbol;
  }

  #applyToMarket(action: CorporateAction): void {
    const { kind, symbol, to, newShares, oldShares, at } = action;
    if (kind === 'split') this.market.split(symbol, newShares, oldShares, at);
    if (kind === 'spinoff') this.market.spinOff(action);
    if (kind === 'merger') this.market.merge(action);
    if (kind !== 'rename') return;
    this.market.rename(symbol, to!);
    this.#contracts = new Map(
      [...this.#contracts].map(([key, one]) => [
        key,
        one.underlying === symbol ? { ...one, underlying: to! } : one,
      ]),
    );
  }

  /** The broker corrects or busts a fill: it re-lists the same id; position and cash follow at once. */
  amend(
    name: string,
    isFill: (entry: Entry) => boolean,
    kind: 'correct' | 'bust',
    price: Decimal | null,
    quantity: Decimal | null,
  ): Entry {
    const account = this.account(name);
    const fill = account.entries.find((entry) => entry.kind === 'fill' && isFill(entry));
    if (fill === undefined) throw new Refusal(`${name} has no such fill`);
    if (fill.status === 'bust') throw new Refusal('that fill is busted already');
    const instrument = fill.instrument!;
    const settled = account.entries.some(
      (entry) =>
        (entry.kind === 'expire' || entry.kind === 'assign' || entry.kind === 'exercise') &&
        entry.instrument?.id === instrument.id,
    );
    if (settled)
      throw new Refusal(`${instrument.symbol} has expired, been assigned or exercised: its fills stand`);
    const amended = kind === 'bust' ? { ...fill, status: 'bust' as const } : corrected(fill, price, quantity);
    const entries = account.entries
      .map((entry) => (entry.uuid === fill.uuid ? amended : entry))
      // Its fee has not been taken yet: a busted trade owes none.
      .filter(
        (entry) => !(kind === 'bust' && isFeeOf(entry, fill) && compareInstants(entry.at, this.#now()) > 0),
      );
    return this.#current(this.#keep({ ...account, entries }), amended);
  }

  /** The broker wipes the account and opens another under the same keys: new id, new number, starting cash. */
  reset(name: string, startingCash: Decimal): Account {
    const account = this.account(name);
    const id = this.#seeded.uuid();
    const number =
      account.number.slice(0, 2) + this.#seeded.namedText(`number:${id}`, account.number.length - 2, DIGITS);
    this.#accounts.set(name, { ...account, id, number, createdAt: this.#now(), entries: [], orders: [] });
    if (!startingCash.isZero())
      this.cash(name, account.env === 'paper' ? 'funding' : 'deposit', startingCash, null);
    return this.account(name);
  }

  /** The user makes new keys in the broker's dashboard: the old ones are refused from then on. */
  newKeys(name: string): Account {
    const account = this.account(name);
    const made = this.#seeded.uuid();
    this.#accounts.set(name, {
      ...account,
      keyId: account.keyId.slice(0, 2) + this.#seeded.namedText(`key:${made}`, 18, KEY_LETTERS),
      secretKey: this.#seeded.namedText(`secret:${made}`, 40, KEY_LETTERS + KEY_LETTERS.toLowerCase()),
    });
    return this.account(name);
  }

  #entry(kind: EntryKind, at: Instant, publishedAt: Instant | null, facts: Partial<Entry>): Entry {
    this.#serial += 1;
    return {
      serial: this.#serial,
      uuid: this.#seeded.uuid(),
      kind,
      at: toMicroseconds(at),
      publishedAt,
      instrument: null,
      quantity: Decimal.zero,
      price: null,
      amount: Decimal.zero,
      status: 'ok',
      group: null,
      fill: null,
      action: null,
      entitled: null,
      ...facts,
    };
  }

  #book(account: Account, entries: Entry[]): Entry[] {
    const after = this.#keep({ ...account, entries: [...account.entries, ...entries] });
    return entries.map((entry) => this.#current(after, entry));
  }

  #current(account: Account, entry: Entry): Entry {
    return account.entries.findLast((one) => one.uuid === entry.uuid)!;
  }

  /** Stores the account, with the legs of corporate actions brought up to date. */
  #keep(account: Account): Account {
    const before = this.account(account.name).entries;
    const added = addedTo(before, account.entries);
    const kept = this.#isAfterActions(added) ? account : { ...account, entries: this.#withActions(account) };
    if (added !== null && kept === account) this.#held.appended(account.name, before, kept.entries);
    this.#accounts.set(account.name, kept);
    return kept;
  }

  /** Whether only such entries were added as no corporate action has anything to do with. */
  #isAfterActions(added: readonly Entry[] | null): boolean {
    if (added === null || added.length === 0) return false;
    const last = this.#actions.at(-1);
    return last === undefined || added.every((entry) => !isBefore(entry, last));
  }

  #withActions(account: Account): readonly Entry[] {
    const actions = this.#actions.filter((action) => compareInstants(action.at, account.createdAt) >= 0);
    return withActions(account.entries, actions, {
      now: this.#now(),
      newUuid: () => this.#seeded.uuid(),
      contracts: this.#contracts,
      adjusted: (contract) => {
        this.#contracts = new Map([...this.#contracts, [contract.symbol, contract]]);
      },
    });
  }

  #heldAt(account: Account, instrument: Instrument, at: Instant): Decimal {
    return this.#held.of(account.name, account.entries, instrument.id, at);
  }

  /** The instrument, refused where it is traded under another name by then, or no more. */
  #tradable(symbol: string, at: Instant): Instrument {
    const instrument = this.instrument(symbol);
    const past = this.#actions.filter(
      (action) => action.symbol === instrument.symbol && compareInstants(at, action.at) >= 0,
    );
    const merger = past.find((action) => action.kind === 'merger');
    if (merger !== undefined)
      throw new Refusal(`${instrument.symbol} is gone: it was merged into ${merger.to ?? 'cash'}`);
    if (
      past.some((action) => action.kind === 'rename') &&
      this.market.currentName(instrument.symbol) !== instrument.symbol
    ) {
      throw new Refusal(`${instrument.symbol} is called ${this.market.currentName(instrument.symbol)} now`);
    }
    return instrument;
  }

  /** A name that fits a stock and the root of an OCC symbol, and does not look like that of an adjusted contract. */
  #stockName(text: string): string {
    const instrument = this.instrument(text);
    if (
      instrument.kind !== 'equity' ||
      !/^[A-Z][A-Z0-9.]{0,4}$/.test(instrument.symbol) ||
      isAdjustedRoot(instrument.symbol)
    ) {
      throw new Refusal(`"${text}" is no name for a stock`);
    }
    return instrument.symbol;
  }

  #newName(text: string): string {
    const symbol = this.#stockName(text);
    if (this.market.symbols().includes(symbol) || this.market.currentName(symbol) !== symbol)
      throw new Refusal(`${symbol} is or was the name of another stock`);
    return symbol;
  }

  #checkTime(account: Account, at: Instant, now: Instant): void {
    if (compareInstants(at, now) > 0) throw new Refusal(`${at} lies in the future: it is ${now}`);
    if (compareInstants(at, account.createdAt) < 0)
      throw new Refusal(`${at} lies before the account was opened, ${account.createdAt}`);
  }

  #publishing(publish: Publish, now: Instant): Instant | null {
    return publish === 'now' ? now : publish === 'next-day' ? nextDay(now) : null;
  }

  /** Stocks and options pay fees in dollars, coins in the coin; both are taken at the end of the day. */
  #feeOf(
    instrument: Instrument,
    fees: Decimal,
    price: Decimal,
    at: Instant,
    now: Instant,
    fill: Entry,
  ): Entry {
    const end = dayEnd(at);
    const taken = compareInstants(end, at) < 0 ? nextDay(at) : end;
    const published = compareInstants(taken, now) < 0 ? now : taken;
    const coin = instrument.kind === 'crypto';
    return this.#entry(coin ? 'coin_fee' : 'fee', taken, published, {
      instrument,
      quantity: coin ? fees.dividedBy(price, QUANTITY_PLACES).negate() : Decimal.zero,
      price: coin ? price : null,
      amount: coin ? Decimal.zero : fees.negate(),
      group: fill.uuid,
    });
  }

  #newOrder(call: TradeCall, instrument: Instrument | null, at: Instant, held: Decimal): Order {
    const id = call.order?.id;
    const uuid = id !== undefined && UUID.test(id) ? id : this.#seeded.uuid();
    const quantity = call.order?.quantity ?? call.quantity;
    if (quantity.sign() <= 0) throw new Refusal('order.quantity must be above 0');
    const opens = call.side === 'buy' ? held.sign() >= 0 : held.sign() <= 0;
    return {
      id: uuid,
      label: id ?? uuid,
      clientOrderId: call.clientRef ?? this.#seeded.uuid(),
      instrument,
      side: call.side,
      quantity,
      notional: null,
      type:
        instrument === null || quantity.compare(call.quantity) > 0 || instrument.kind === 'option'
          ? 'limit'
          : 'market',
      limitPrice: call.side === 'buy' ? call.price.times(LIMIT_ROOM).round(2) : call.price.round(2),
      timeInForce: quantity.compare(call.quantity) > 0 || instrument?.kind === 'crypto' ? 'gtc' : 'day',
      submittedAt: at,
      canceledAt: null,
      intent: `${call.side}_to_${opens ? 'open' : 'close'}`,
      parentId: null,
      ratio: null,
    };
  }

  #announce(account: Account, order: Order, entry: Entry | null, isNew: boolean): void {
    const shown =
      entry === null || (entry.publishedAt !== null && compareInstants(entry.publishedAt, this.#now()) <= 0);
    if (!shown) return;
    const tell = (event: OrderEvent['event'], about: Entry | null): void => {
      for (const hear of this.#listeners) hear({ account, order, event, entry: about });
    };
    if (isNew) tell('new', null);
    if (entry !== null) tell(entry.fill!.remaining.isZero() ? 'fill' : 'partial_fill', entry);
    if (order.canceledAt !== null) tell('canceled', null);
  }
}

export const DIGITS = '0123456789';
const KEY_LETTERS = `ABCDEFGHIJKLMNOPQRSTUVWXYZ${DIGITS}`;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function findOrder(account: Account, id: string): Order | undefined {
  return account.orders.find((order) => order.id === id || order.label === id);
}

const fillsByOrder = new WeakMap<readonly Entry[], ReadonlyMap<string, readonly Entry[]>>();

/** Every execution of an order, busts included, in the order they were booked. */
function executionsOf(account: Account, order: Order): readonly Entry[] {
  let byOrder = fillsByOrder.get(account.entries);
  if (byOrder === undefined) {
    byOrder = Map.groupBy(
      account.entries.filter((entry) => entry.fill !== null),
      (entry) => entry.fill!.orderId,
    );
    fillsByOrder.set(account.entries, byOrder);
  }
  return byOrder.get(order.id) ?? [];
}

/** The fills of an order that still count, published or not: the order itself shows them at once. */
export function fillsOf(account: Account, order: Order): Entry[] {
  return executionsOf(account, order).filter((entry) => entry.status === 'ok');
}

/** What was appended to a list of entries; null where it was changed in another way. */
function addedTo(before: readonly Entry[], after: readonly Entry[]): readonly Entry[] | null {
  if (after.length < before.length || before.some((entry, index) => after[index] !== entry)) return null;
  return after.slice(before.length);
}

export function filledOf(account: Account, order: Order): Decimal {
  return Decimal.sum(fillsOf(account, order).map((entry) => entry.quantity.abs()));
}

/** Whether an order can still fill. Only what was left after the last execution counts: a bust re-opens nothing. */
export function isWorking(account: Account, order: Order): boolean {
  if (order.canceledAt !== null || order.instrument === null) return false;
  const last = executionsOf(account, order).at(-1);
  return last === undefined || !last.fill!.remaining.isZero();
}

function checkSameOrder(account: Account, order: Order, call: TradeCall, instrument: Instrument): void {
  if (order.instrument?.id !== instrument.id || order.side !== call.side) {
    throw new Refusal(`order ${order.label} is to ${order.side} ${order.instrument?.symbol ?? 'a spread'}`);
  }
  if (call.order?.quantity !== undefined && !call.order.quantity.equals(order.quantity)) {
    throw new Refusal(`order ${order.label} is for ${order.quantity.toString()}`);
  }
  if (call.clientRef !== undefined && call.clientRef !== order.clientOrderId) {
    throw new Refusal(`order ${order.label} has the reference ${order.clientOrderId}`);
  }
  if (!isWorking(account, order)) throw new Refusal(`order ${order.label} is not open any more`);
  if (call.quantity.isZero() && call.order?.cancel !== true)
    throw new Refusal('the quantity must be above 0');
}

function checkQuantity(instrument: Instrument, quantity: Decimal, zeroAllowed: boolean): void {
  if (quantity.sign() < 0 || (quantity.isZero() && !zeroAllowed))
    throw new Refusal('the quantity must be above 0');
  if (instrument.kind === 'option' && !quantity.round(0).equals(quantity))
    throw new Refusal('options trade in whole contracts');
  if (!quantity.round(QUANTITY_PLACES).equals(quantity))
    throw new Refusal(`a quantity has at most ${QUANTITY_PLACES} decimals`);
}

function corrected(fill: Entry, price: Decimal | null, quantity: Decimal | null): Entry {
  if (price === null && quantity === null) throw new Refusal('a correction names a price or a quantity');
  const positive = quantity ?? fill.quantity.abs();
  checkQuantity(fill.instrument!, positive, false);
  const signed = fill.fill!.side === 'buy' ? positive : positive.negate();
  const perUnit = price ?? fill.price!;
  const before = fill.fill!.filledSoFar.minus(fill.quantity.abs());
  return {
    ...fill,
    quantity: signed,
    price: perUnit,
    amount: signed.times(perUnit).times(fill.instrument!.multiplier).negate(),
    fill: { ...fill.fill!, filledSoFar: before.plus(positive) },
  };
}

function isFeeOf(entry: Entry, fill: Entry): boolean {
  return (entry.kind === 'fee' || entry.kind === 'coin_fee') && entry.group === fill.uuid;
}

function touches(
  instrument: Instrument,
  action: CorporateAction,
  contracts: ReadonlyMap<string, AdjustedContract>,
): boolean {
  if (instrument.option !== null) return underlyingOf(instrument, contracts) === action.symbol;
  return instrument.kind === 'equity' && instrument.symbol === action.symbol;
}

/** Executions carry microseconds on the wire: finer digits are cut when they are booked. */
function toMicroseconds(at: Instant): Instant {
  const match = /^(.{19})\.(\d{7,9})Z$/.exec(at);
  if (match === null) return at;
  const digits = match[2]!.slice(0, 6).replace(/0+$/, '');
  return (digits === '' ? `${match[1]}Z` : `${match[1]}.${digits}Z`) as Instant;
}
