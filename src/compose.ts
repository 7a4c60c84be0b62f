/**
 * Composition: the one place that calls the constructors of brokers and stores and ties them to the configuration.
 * The command line, the library and the tests all come through here.
 */
import { LATE_PUBLISHING } from './brokers/alpaca/publishing.ts';
import { type Broker } from './brokers/broker.ts';
import { type Config } from './config/load.ts';
import { type AlpacaConnection, type Connection } from './config/connections.ts';
import { type Account, type BrokerName } from './domain/account.ts';
import { CHAIN_SIGNING } from './config/sealed.ts';
import { kindsOfClasses } from './domain/assetClass.ts';
import { errorText, TruebookError } from './domain/errors.ts';
import { now as instantNow, type Clock } from './domain/time.ts';
import { createEgress, type Egress, type SentRequest } from './egress/egress.ts';
import { createMirror, type Mirror } from './mirror/mirror.ts';
import {
  afterRealMs,
  hostName,
  isProcessAlive,
  openClock,
  pacingClock,
  processId,
  randomBytes,
  randomUnit,
  refreshClock,
} from './platform.ts';
import { openStore } from './store/open.ts';
import { type LeaseHolder, type Store } from './store/store.ts';
import { type AgentAccount } from './sync/agent.ts';
import { type StepContext, type StepHooks } from './sync/steps.ts';
import { type SyncDependencies, type SyncRules } from './sync/syncAccount.ts';
import { runOfHolder } from './sync/requestSync.ts';
import { isAutomated, positionRecords, type RecordContext } from './sync/records.ts';

export interface ComposeOptions {
  readonly config: Config;
  /** Default: the machine's clock, or the one at `TRUEBOOK_CLOCK_URL`. */
  readonly clock?: Clock;
  /** Opens the database for reading only and no broker. */
  readonly readonly?: boolean;
  /** Only in tests: accept a database server that may lose what it acknowledged. */
  readonly allowUnsafeDurability?: boolean;
  readonly onRequest?: (sent: SentRequest) => void;
  readonly onWarning?: (sentence: string) => void;
  /** The user's own code around each step (`hooks/hookRunner.ts`); made once the store is open. */
  readonly hooks?: (store: Store) => StepHooks;
}

export interface Truebook {
  readonly config: Config;
  readonly clock: Clock;
  readonly store: Store;
  readonly records: RecordContext;
  /** The user's own code around each step; null without any. The agent needs it for its cycles. */
  readonly hooks: StepHooks | null;
  /** The files older bots read; null where `MIRROR_FILES` is off or nothing may be written. */
  readonly mirror: Mirror | null;
  /** What a run of one account needs. `actor` appears in the audit. */
  readonly dependencies: (
    entry: Pick<AgentAccount, 'account' | 'broker'>,
    actor: string,
    tell?: Pick<SyncDependencies, 'onProgress' | 'onWarning'>,
  ) => SyncDependencies;
  /** Who writes from this process. */
  holder(kind: LeaseHolder['kind']): LeaseHolder;
  /** Whether the process behind a lease no longer exists on this host. */
  isGone(holder: LeaseHolder): boolean;
  /**
   * Accounts of the configured connections with their brokers; opens each broker once. For an `agent`, an account that
   * another agent keeps may be a second one of its kind, so the broker is asked which one it is; a command takes it for
   * its own and goes through that agent.
   */
  agentAccounts(purpose?: 'agent' | 'command'): Promise<readonly AgentAccount[]>;
  /** The account by name or id. Throws `unknown_account` and names those that exist. */
  account(nameOrId: string): Promise<Account>;
  close(): Promise<void>;
}

export async function compose(options: ComposeOptions): Promise<Truebook> {
  const { config } = options;
  const clock = options.clock ?? (await openClock(config.settings.TRUEBOOK_CLOCK_URL));
  await refreshClock(clock);
  const store = await openStore({
    url: databaseUrl(config),
    clock,
    signingSeed: () => config.sealedSecrets.deriveKey(CHAIN_SIGNING),
    ...(options.readonly === true ? { readonly: true } : {}),
    ...(options.allowUnsafeDurability === true ? { allowUnsafeDurability: true } : {}),
  });
  const egress = createEgress({
    clock,
    pacing: pacingClock(clock),
    random: randomUnit,
    allowLoopback: config.connections.flatMap(loopbackAddresses),
    ...(options.onRequest === undefined ? {} : { onRequest: options.onRequest }),
  });
  const incarnation = randomBytes(16).toString('hex');
  const startedAt = instantNow(clock);
  const hooks = options.hooks?.(store) ?? null;
  const records = recordContext(config, store, clock);
  const mirror = options.readonly === true ? null : openMirror(config, records);
  let accounts: Promise<readonly AgentAccount[]> | null = null;
  return {
    config,
    clock,
    store,
    records,
    hooks,
    mirror,
    dependencies: ({ account, broker }, actor, tell = {}) => ({
      store,
      broker,
      clock,
      actor,
      rules: syncRules(config),
      ...(hooks === null ? {} : { hooks }),
      ...(mirror === null || account.broker !== 'alpaca' ? {} : mirroring(mirror, hooks, tell.onWarning)),
      ...tell,
    }),
    holder: (kind) => ({ incarnation, kind, processId: processId(), host: hostName(), startedAt }),
    isGone,
    agentAccounts: (purpose = 'command') => {
      const heldElsewhere = async (account: Account): Promise<boolean> => {
        const lease = purpose === 'agent' ? await store.leaseState(account.id) : null;
        // A lease outlives the process that had it by a minute: the dead keep nothing.
        const holder = lease?.live === true ? lease.holder : null;
        return holder?.kind === 'agent' && holder.incarnation !== incarnation && !isGone(holder);
      };
      // A database that cannot be reached for a moment must not keep this process from ever knowing its accounts.
      return (accounts ??= openAccounts(options, store, clock, egress, heldElsewhere).catch(
        (error: unknown) => {
          accounts = null;
          throw error;
        },
      ));
    },
    account: (nameOrId) => requireAccount(store, nameOrId),
    close: async () => {
      for (const { broker } of (await accounts?.catch(() => [])) ?? []) await broker.close();
      await store.close();
      if ('close' in clock && typeof clock.close === 'function') (clock as { close(): void }).close();
    },
  };
}

function openMirror({ settings }: Config, records: RecordContext): Mirror | null {
  if (!settings.MIRROR_FILES) return null;
  return createMirror({
    folder: settings.MIRROR_DIR,
    store: records.store,
    clock: records.clock,
    kinds: kindsOfClasses(settings.ALPACA_SYNC_ASSET_CLASSES),
    positions: (account) => positionRecords(records, { account }),
    isManual: (row) => !row.announced && !isAutomated(row.clientOrderId, records.automationOrderIds),
    after: afterRealMs,
  });
}

/** What a run does for the mirror: asks it for the bankroll to start from, and has it written afterwards. */
function mirroring(
  mirror: Mirror,
  hooks: StepHooks | null,
  onWarning: (sentence: string) => void = () => undefined,
): Pick<SyncDependencies, 'startingBankroll' | 'afterRun'> {
  return {
    startingBankroll: (account) => mirror.startingBankroll(account, onWarning),
    afterRun: async (account, { run }) => {
      const context: StepContext = {
        account: account.name,
        type: run.type,
        trigger: run.trigger,
        dryRun: false,
        cycle: null,
      };
      await hooks?.before('mirror', context);
      const result = await mirror.write(account, run);
      for (const warning of result.warnings) onWarning(`${account.name}: ${warning}`);
      await hooks?.after('mirror', context, result);
    },
  };
}

function isGone(holder: LeaseHolder): boolean {
  return holder.host === hostName() && !isProcessAlive(holder.processId);
}

/** The address `openStore` wants. It may hold a password: never print it, print `config.database.shown`. */
export function databaseUrl({ database }: Pick<Config, 'database'>): string {
  return database.kind === 'sqlite' ? `sqlite:${database.path}` : database.url.reveal();
}

function syncRules({ settings }: Config): SyncRules {
  return {
    missing: {
      markAsClosed: settings.POSITION_SYNC_MARK_MISSING_AS_CLOSED,
      confirmations: settings.MISSING_CONFIRMATIONS,
    },
    tolerancePct: settings.ALPACA_SYNC_TOLERANCE_PCT,
    automationOrderIds: settings.AUTOMATION_ORDER_IDS,
  };
}

function recordContext(config: Config, store: Store, clock: Clock): RecordContext {
  return {
    store,
    clock,
    intervalSeconds: (account) => config.rules[account.broker].intervalSeconds,
    maxAgeSeconds: (account) => config.rules[account.broker].freshMaxAgeSeconds,
    enabled: (account) => config.rules[account.broker].enabled,
    automationOrderIds: config.settings.AUTOMATION_ORDER_IDS,
    latePublishing: (account) => (account.broker === 'alpaca' ? LATE_PUBLISHING : null),
    showsRealized: config.settings.POSITION_SYNC_CALCULATE_REALIZED_PNL,
    isGone,
  };
}

async function requireAccount(store: Store, nameOrId: string): Promise<Account> {
  const account = await store.findAccount(nameOrId);
  if (account !== null) return account;
  const known = (await store.accounts()).map((row) => `${row.name} (${row.id})`);
  throw new TruebookError('unknown_account', `There is no account "${nameOrId.slice(0, 60)}".`, {
    hint:
      known.length === 0 ? 'No account was synced yet: run `truebook sync`.' : `Known: ${known.join(', ')}.`,
  });
}

/** The accounts behind the configured connections, in their order. */
async function openAccounts(
  options: ComposeOptions,
  store: Store,
  clock: Clock,
  egress: Egress,
  heldElsewhere: (account: Account) => Promise<boolean>,
): Promise<readonly AgentAccount[]> {
  const { config } = options;
  const accounts: AgentAccount[] = [];
  const taken = new Set<string>();
  for (const connection of config.connections) {
    if (connection.broker !== 'alpaca') {
      options.onWarning?.(`${connection.name}: ${connection.broker} accounts cannot be read yet.`);
      continue;
    }
    const broker = await openBroker(connection, egress, clock);
    const name = await accountName(connection, broker, store, taken, heldElsewhere, clock);
    taken.add(name);
    const account = await store.ensureAccount({
      name,
      broker: connection.broker,
      env: connection.env,
      connection: connection.name,
      baseCurrency: config.settings.BASE_CURRENCY,
      at: instantNow(clock),
    });
    const rules = config.rules[connection.broker];
    accounts.push({
      account,
      broker,
      intervalSeconds: rules.intervalSeconds,
      enabled: rules.enabled,
      watch: config.settings.POSITION_SYNC_SYNC_ON_POSITION_UPDATE && broker.capabilities.stream,
      toldKinds: kindsOfClasses(config.settings.ALPACA_SYNC_ASSET_CLASSES),
    });
  }
  return accounts;
}

/**
 * Opens the adapter of one connection; nothing is sent before its first read. Adapters are loaded here and not before:
 * commands that only read the book need none.
 */
async function openBroker(connection: AlpacaConnection, egress: Egress, clock: Clock): Promise<Broker> {
  const { brokers } = await import('./brokers/registry.ts');
  const { credentials, addresses } = connection;
  return brokers.alpaca.open({
    env: connection.env,
    credentials:
      credentials.kind === 'oauth'
        ? credentials
        : { kind: 'key', keyId: credentials.keyId.reveal(), secretKey: credentials.secretKey },
    tradingUrl: addresses.tradingUrl,
    dataUrl: addresses.dataUrl,
    egress,
    clock,
    random: randomUnit,
  });
}

/**
 * Which account a connection reads, by name: `alpaca-paper`; one that would share it adds the last four characters of
 * its account number, and is found again by its pinned fingerprint, in whatever order connections are written. The
 * broker is asked only where the name alone does not tell.
 */
async function accountName(
  connection: Connection,
  broker: Broker,
  store: Store,
  taken: ReadonlySet<string>,
  heldElsewhere: (account: Account) => Promise<boolean>,
  clock: Clock,
): Promise<string> {
  const base = connection.broker === 'alpaca' ? `alpaca-${connection.env}` : connection.broker;
  const all = await store.accounts();
  const known = all.filter((account) => account.name === base || account.name.startsWith(`${base}-`));
  const first = known.find((account) => account.name === base);
  const tells =
    !taken.has(base) && known.length <= 1 && !(first !== undefined && (await heldElsewhere(first)));
  if (tells) return base;

  const read = await broker.readBalances();
  if (read.kind === 'incomplete') {
    // The pin is compared at every read, so a wrong guess believes nothing.
    if (!taken.has(base)) return base;
    throw unnamed(
      connection,
      `Its account number is needed once and could not be read: ${errorText(read.error)}`,
    );
  }
  const { accountFingerprint, accountLast4 } = read.rows;
  // Another account's answer under these keys: it names nobody, and the pin refuses whatever else it tells.
  const isForeign = all.some(
    (account) => !known.includes(account) && account.pinnedFingerprint === accountFingerprint,
  );
  if (isForeign && !taken.has(base)) return base;
  const own = known.find((account) => account.pinnedFingerprint === accountFingerprint);
  // Not pinned yet: its agent is just getting to know it, and two accounts must not be made of one.
  if (own === undefined && first?.pinnedFingerprint === null && !taken.has(base)) return base;
  if (own !== undefined && !taken.has(own.name)) return own.name;
  if (own === undefined && first !== undefined && !taken.has(base) && (await heldElsewhere(first))) {
    const isOther = await holderReadsAnother(first, accountFingerprint, store, clock);
    if (isOther === null)
      throw unnamed(
        connection,
        `The agent that keeps ${base} did not say in time whether it still reads it: start this one again.`,
      );
    if (!isOther) return base;
  }
  const name = `${base}-${accountLast4 ?? ''}`;
  if (accountLast4 === null || taken.has(own?.name ?? name)) {
    throw unnamed(connection, `Another connection already reads ${own?.name ?? base}: remove one of them.`);
  }
  return name;
}

/**
 * Whether a broker account that nobody knows is another one than the one its holder reads. After a reset at the broker
 * both read the new one, and only a run of the holder tells; null where it does not.
 */
async function holderReadsAnother(
  held: Account,
  fingerprint: string,
  store: Store,
  clock: Clock,
): Promise<boolean | null> {
  const holderMetIt = async (): Promise<boolean> =>
    (await store.syncState(held.id)).cursors.some(
      ({ name, position }) => name === 'account_changed' && position.startsWith(`${fingerprint}:`),
    );
  if (await holderMetIt()) return false;
  const run = await runOfHolder({ store, clock }, held.id, 'a starting agent');
  if (await holderMetIt()) return false;
  return run?.outcome === 'complete' ? true : null;
}

function unnamed(connection: Connection, hint: string): TruebookError {
  return new TruebookError('config', `The account behind connection ${connection.name} could not be named.`, {
    hint,
    retry: 'later',
  });
}

function loopbackAddresses(connection: Connection): readonly string[] {
  return connection.broker === 'alpaca'
    ? [connection.addresses.tradingUrl, connection.addresses.dataUrl]
    : [];
}

/** Brokers whose adapters exist so far. */
export async function readableBrokers(): Promise<readonly BrokerName[]> {
  const { brokers } = await import('./brokers/registry.ts');
  return Object.keys(brokers) as BrokerName[];
}
