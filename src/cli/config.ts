import { type Config, type EffectiveSetting } from '../config/load.ts';
import { type Connection } from '../config/connections.ts';
import { type KeyPlace } from '../config/masterKey.ts';
import { errorText } from '../domain/errors.ts';
import { printJson, printLine, tableLines } from './print.ts';
import { keyPlaceText, loadSettings, type CommonOptions } from './session.ts';

/** Effective settings, where each comes from, and which connections they make. No secret is shown. */
export async function showConfig(options: CommonOptions): Promise<number> {
  const config = loadSettings(options, { onSecretFailure: 'warn' });
  if (options.json === true) printJson(configRecord(config));
  else printLine(configLines(config).join('\n'));
  return 0;
}

function configRecord(config: Config): object {
  return {
    home: config.home,
    database: config.database.shown,
    secretKey: secretKeyRecord(config),
    filesRead: config.filesRead.map(({ kind, path }) => ({ kind, path })),
    settings: config.effective.map(({ name, value, source, path, line, doc }) => ({
      name,
      value,
      source,
      path,
      line,
      doc,
    })),
    connections: config.connections.map(connectionRecord),
    incompleteConnections: config.incompleteConnections.map(({ name, broker, missing }) => ({
      name,
      broker,
      missing,
    })),
    rules: config.rules,
    warnings: config.warnings,
  };
}

/** Where the key of the sealed secrets comes from and why it cannot be used, if so; null where there is none yet. */
function secretKeyRecord({
  sealedSecrets,
}: Config): { source: KeyPlace['source'] | null; path: string | null; problem: string | null } | null {
  try {
    const place = sealedSecrets.checkKey();
    return place === null ? null : { ...place, problem: null };
  } catch (error) {
    return { source: null, path: null, problem: errorText(error) };
  }
}

function secretKeyText(config: Config): string {
  try {
    const place = config.sealedSecrets.checkKey();
    return place === null ? 'none yet' : keyPlaceText(place);
  } catch (error) {
    return `NOT USABLE: ${errorText(error)}`;
  }
}

/** What may be said of a connection: its name, and where it leads. */
function connectionRecord(connection: Connection): {
  name: string;
  broker: string;
  env: string;
  address: string;
} {
  const { name, broker, env } = connection;
  return { name, broker, env, address: addressOf(connection) };
}

function addressOf(connection: Connection): string {
  switch (connection.broker) {
    case 'alpaca':
      return connection.addresses.tradingUrl;
    case 'robinhood':
      return connection.addresses.baseUrl ?? 'its own hosts';
    case 'ibkr':
      return `${connection.addresses.host}:${connection.addresses.port}`;
  }
}

function configLines(config: Config): string[] {
  const files = config.filesRead.map(({ path }) => `  ${path}`);
  return [
    `Data folder: ${config.home}`,
    `Database:    ${config.database.shown}`,
    `Secret key:  ${secretKeyText(config)}`,
    files.length === 0 ? 'Files read:  none' : 'Files read (later wins):',
    ...files,
    '',
    ...tableLines(config.effective, [
      { title: 'SETTING', cell: (row) => row.name },
      { title: 'VALUE', cell: (row) => row.value ?? '-' },
      { title: 'SOURCE', cell: (row) => sourceText(row) },
    ]),
    '',
    ...(config.connections.length === 0
      ? ['No connection: set ALPACA_API_KEY and ALPACA_SECRET_KEY, or add one to truebook.yaml.']
      : tableLines(config.connections.map(connectionRecord), [
          { title: 'CONNECTION', cell: (row) => row.name },
          { title: 'BROKER', cell: (row) => row.broker },
          { title: 'ENV', cell: (row) => row.env },
          { title: 'ADDRESS', cell: (row) => row.address },
        ])),
    ...config.warnings.map((warning) => `warning: ${warning}`),
  ];
}

/** `.env: /home/me/.env:3`, `environment`, `default`. */
function sourceText({ source, path, line }: EffectiveSetting): string {
  if (path === null) return source;
  return `${path}${line === null ? '' : `:${line}`}`;
}
