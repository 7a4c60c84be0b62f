import { type Config, type EffectiveSetting } from '../config/load.ts';
import { type Connection } from '../config/connections.ts';
import { printJson, printLine, tableLines } from './print.ts';
import { loadSettings, type CommonOptions } from './session.ts';

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
