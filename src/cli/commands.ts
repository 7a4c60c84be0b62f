/**
 * The grammar of the command line on one page. What a command does stands in the file of its name, which is loaded when
 * the command runs: `--help` and a wrong word answer at once.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type SyncType } from '../store/store.ts';
import { type BasisOptions } from './basis.ts';
import { type ElectOptions } from './elect.ts';
import { type PnlOptions } from './pnl.ts';
import { type ResolveOptions } from './resolve.ts';
import manifest from '../../package.json' with { type: 'json' };

/** Hands over the exit code of the command that ran. */
type Finish = (code: number) => void;

const READING = 'Read the book:';
const RUNNING = 'Keep it up to date:';
const SETUP = 'Set up and check:';
const TRYING = 'Try it without a broker:';

export function commandLine(finish: Finish): Command {
  const program = new Command('truebook')
    .description('A true book of your broker accounts. Read-only: no command can place an order.')
    .version(manifest.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    .exitOverride()
    // Errors are told by main, in one form, also as JSON.
    .configureOutput({ outputError: () => undefined })
    .addHelpText(
      'after',
      '\nExit codes: 0 ok (also: stopped by a signal), 1 fault, 2 usage or configuration, 3 warning or difference, 4 login needed.',
    );

  addReading(program, finish);
  addRunning(program, finish);
  addSetup(program, finish);
  addTrying(program, finish);
  return program;
}

// ---- reading ---------------------------------------------------------------------------------------------------

function addReading(program: Command, finish: Finish): void {
  program.commandsGroup(READING);
  common(program.command('status'))
    .description('how fresh every account is and why, and whether an agent runs')
    .option('--account <account>', 'only this account (name or id)')
    .action(async (options: object) => finish(await (await import('./status.ts')).status(options)));
  timeTravel(listing(program.command('positions')))
    .description('open positions, and those missing at the broker')
    .option('--closed', 'closed ones instead')
    .addOption(new Option('--all', 'open, missing and closed').conflicts('closed'))
    .addOption(
      new Option('--broker', "the broker's own figures beside ours, and why they differ").conflicts([
        'closed',
        'all',
      ]),
    )
    .action(async (options: object) => finish(await (await import('./positions.ts')).positions(options)));
  listing(program.command('trades'))
    .description('executions, newest first')
    .option('--closed', 'closed positions with entry and exit instead')
    .option('--limit <count>', 'at most this many', wholeNumber(1))
    .option('--all-epochs', 'also from before the account was reset')
    .action(async (options: object) => finish(await (await import('./trades.ts')).trades(options)));
  timeTravel(listing(program.command('lots')))
    .description('open tax lots: acquired when, for how much, short or long term if sold today')
    .option('--symbol <symbol>', 'only of this symbol')
    .action(async (options: object) => finish(await (await import('./lots.ts')).lots(options)));
  timeTravel(listing(program.command('pnl')))
    .description('realized profit and loss, income and fees; premiums of exercised options both ways')
    .addOption(
      new Option('--by <group>', 'what a row is of')
        .choices(['day', 'month', 'year', 'symbol', 'account', 'term'])
        .default('day'),
    )
    .option('--from <day>', 'closed on this day or later')
    .option('--to <day>', 'closed on this day or earlier')
    .option('--symbol <symbol>', 'only of this symbol')
    .option('--stats', 'figures of the closes instead: wins, losses, averages')
    .addOption(
      new Option('--closes', 'each close of (a part of) a lot instead, newest first, with its tax').conflicts(
        'stats',
      ),
    )
    .addOption(
      new Option('--returns', 'time- and money-weighted returns over proved days instead').conflicts([
        'stats',
        'closes',
      ]),
    )
    .addOption(
      new Option(
        '--wash <scope>',
        'wash sales by the purchases of the account, or of all accounts (default: as elected, else account)',
      ).choices(['account', 'taxpayer']),
    )
    .option('--all-epochs', 'also from before the account was reset')
    .action(async (options: PnlOptions) => finish(await (await import('./pnl.ts')).pnl(options)));
  timeTravel(listing(program.command('balances')))
    .description('equity, cash and buying power')
    .option('--daily', 'the end of each day instead, newest first; days nobody knows are absent')
    .action(async (options: object) => finish(await (await import('./balances.ts')).balances(options)));
  listing(program.command('bankroll'))
    .description('how the local bankroll changed and why, newest first')
    .option('--limit <count>', 'at most this many', wholeNumber(1))
    .action(async (options: object) => finish(await (await import('./bankroll.ts')).bankroll(options)));
  listing(program.command('activity'))
    .description('everything that moved a position or cash, newest first')
    .option('--limit <count>', 'at most this many', wholeNumber(1))
    .option('--all-epochs', 'also from before the account was reset')
    .action(async (options: object) => finish(await (await import('./activity.ts')).activity(options)));
  listing(program.command('findings'))
    .description('where broker and book disagree, and why')
    .option('--all', 'resolved and dismissed ones too')
    .option('--known-at <time>', 'as they were known at this instant, or at the end of this day')
    .action(async (options: object) => finish(await (await import('./findings.ts')).findings(options)));
  addAccounts(program, finish);
  addJudging(program, finish);
}

/** What a person knows better than broker and book. */
function addJudging(program: Command, finish: Finish): void {
  common(program.command('resolve'))
    .description(
      "a person's word on a finding; what it books is replaced by the broker's own activity when that comes",
    )
    .argument('<finding>', 'its number in `truebook findings`')
    .addOption(
      new Option('--as <what>', 'what it was')
        .choices(['external-change', 'transfer', 'opening', 'dismiss'])
        .makeOptionMandatory(),
    )
    .option('--price <price>', 'per unit; without it nothing is realized')
    .option('--basis <cost>', 'total cost of what arrived')
    .option('--date <day>', 'when it happened (default: when the difference was seen first)')
    .requiredOption('--reason <words>', 'kept with it')
    .action(async (finding: string, options: ResolveOptions) =>
      finish(await (await import('./resolve.ts')).resolve(finding, options)),
    );
  common(program.command('basis'))
    .description('say what a lot of unknown basis cost and when it was acquired')
    .argument('<lot>', 'its name in `truebook lots`')
    .requiredOption('--cost <cost>', 'total cost of the lot as it was acquired')
    .requiredOption('--acquired <day>', 'the day it was acquired, such as 2021-03-15')
    .option('--account <account>', 'where lots of two accounts have one name')
    .action(async (lot: string, options: BasisOptions) =>
      finish(await (await import('./basis.ts')).basis(lot, options)),
    );
  common(program.command('elect'))
    .description(
      'choose how the book counts, for good and in the ledger: lot-method, fee-policy, wash-scope, account-type',
    )
    .argument('<what>', 'lot-method, fee-policy, wash-scope or account-type')
    .argument(
      '<choice>',
      'FIFO, LIFO, HIFO, LOFO, AVERAGE ...; in_basis, excluded, expensed; off, account, taxpayer; taxable, ira, roth_ira, other',
    )
    .requiredOption('--account <account>', 'name or id')
    .option('--instrument <id>', 'only of this instrument, such as equity:AAPL:USD')
    .option('--from <day>', 'from this trade date on')
    .option('--to <day>', 'up to this trade date')
    .action(async (what: string, choice: string, options: ElectOptions) =>
      finish(await (await import('./elect.ts')).elect(what, choice, options)),
    );
  common(program.command('choose-lots'))
    .description('say which lots one sale closed')
    .argument('<activity>', 'root id of the sale, as in `truebook lots` and `truebook activity`')
    .argument('<pieces...>', 'LOT=QUANTITY for each')
    .requiredOption('--account <account>', 'name or id')
    .action(async (activity: string, pieces: string[], options: ElectOptions) =>
      finish(await (await import('./elect.ts')).electLots(activity, pieces, options)),
    );
  listing(program.command('elections'))
    .description('what was chosen, by whom and since when')
    .action(async (options: object) => finish(await (await import('./elect.ts')).listElections(options)));
}

function addAccounts(program: Command, finish: Finish): void {
  const accounts = program.command('accounts').description('accounts of the book');
  listFormat(common(accounts.command('list', { isDefault: true })))
    .description('list them (also without this word)')
    .action(async (options: object) => finish(await (await import('./accounts.ts')).listAccounts(options)));
  common(accounts.command('new-epoch'))
    .description('start afresh after the broker reset the account; the old book is kept')
    .argument('<account>', 'name or id')
    .option('--force', 'also where the broker still answers for the same account')
    .action(async (account: string, options: object) =>
      finish(await (await import('./accounts.ts')).newEpoch(account, options)),
    );
}

// ---- running ---------------------------------------------------------------------------------------------------

function addRunning(program: Command, finish: Finish): void {
  program.commandsGroup(RUNNING);
  common(program.command('agent'))
    .description('the long-running service: keeps every account up to date until it is stopped')
    .option('--interval <duration>', 'between runs: seconds, or 5m (default 300)')
    .option(
      '--once',
      'one run of every account, then end: 0 only if all are complete, 4 if one needs a login',
    )
    .option('--no-api', 'without the API (which this version does not serve yet)')
    .action(async (options: object) => finish(await (await import('./agent.ts')).agent(options)));
  common(program.command('sync'))
    .description('bring accounts up to date now, through the agent where one runs')
    .option('--account <account>', 'only this account (name or id)')
    .addOption(
      new Option('--env <env>', 'only accounts of this kind').choices(['paper', 'live']).conflicts('account'),
    )
    .addOption(
      new Option(
        '--sync-type <type>',
        'only this part of the book; the rest is read as evidence and left alone',
      )
        .choices(['all', 'bankroll', 'positions', 'transactions'])
        .default('all'),
    )
    .option('--dry-run', 'show exactly what a run would change, and change nothing')
    .addOption(
      new Option('--check-only', 'only say whether a sync is needed: exit code 3 if so').conflicts('dryRun'),
    )
    .option('--after-trade', 'say that a trade was just made: the run is recorded as such')
    .option('--verbose', 'show every request and step on stderr')
    .action(async (options: { syncType: SyncType }) =>
      finish(await (await import('./sync.ts')).sync(options)),
    );
}

// ---- setup -----------------------------------------------------------------------------------------------------

function addSetup(program: Command, finish: Finish): void {
  program.commandsGroup(SETUP);
  common(program.command('init'))
    .description('set up a connection: asks, checks it at the broker, seals the keys, writes truebook.yaml')
    .option('--broker <broker>', 'alpaca; then stdin is for the secret alone')
    .option('--env <env>', 'paper or live (default: paper)')
    .option('--key-id <id>', 'the key id; the secret is never an argument')
    .addOption(new Option('--oauth', 'an OAuth token instead of keys').conflicts('keyId'))
    .option(
      '--database <address>',
      'sqlite:PATH or postgres://user@host/database (default: SQLite in the data folder)',
    )
    .option('--force', 'replace what was set up before; the old file is kept')
    .option('--no-check', 'write without asking the broker')
    .action(async (options: object) => finish(await (await import('./init.ts')).init(options)));
  common(program.command('config'))
    .description('effective settings with their source; secrets are masked')
    .action(async (options: object) => finish(await (await import('./config.ts')).showConfig(options)));
  common(program.command('doctor'))
    .description('check everything and say how to repair it: 3 on a warning, 1 on a fault')
    .action(async (options: object) => finish(await (await import('./doctor.ts')).doctor(options)));
  const imports = program.command('import').description('take over what other programs kept');
  common(imports.command('mirror'))
    .description("bankroll and trades of an older Alpaca bot's files: 3 where lines could not be understood")
    .argument('<folder>', 'where its bankroll_alpaca_paper.json and logs/ are')
    .option('--account <account>', 'only for this account (name or id)')
    .action(async (folder: string, options: object) =>
      finish(await (await import('./import.ts')).importMirror(folder, options)),
    );
  common(program.command('migrate'))
    .description('bring the database to the newest schema')
    .action(async (options: object) => finish(await (await import('./migrate.ts')).migrate(options)));
  common(program.command('rebuild'))
    .description('derive every view table again from ledger and evidence, and write the rows that differ')
    .option('--account <account>', 'only this account (name or id)')
    .option('--verify', 'compare, write nothing, say what differs: 3 where a row does')
    .action(async (options: object) => finish(await (await import('./rebuild.ts')).rebuild(options)));
  common(program.command('verify'))
    .description(
      'recompute every hash of ledger, audit and evidence: 3 where something was changed or is gone',
    )
    .option('--sign', 'sign the heads of the chains, once everything fits (an agent does it once a day)')
    .option(
      '--export <file>',
      'also add the heads to this file: kept elsewhere it shows what is rewritten later',
    )
    .option('--against <file>', 'also hold the chains against an exported file (may be repeated)', collect)
    .action(async (options: object) => finish(await (await import('./verify.ts')).verify(options)));
  const secret = program.command('secret').description('sealed secrets of the data folder');
  common(secret.command('set'))
    .description('seal a value, read from a hidden prompt or from stdin')
    .argument('<name>', 'name of the setting, such as ALPACA_SECRET_KEY or ALPACA_SECRET_KEY__LIVE')
    .action(async (name: string, options: object) =>
      finish(await (await import('./secret.ts')).setSecret(name, options)),
    );
  common(secret.command('list'))
    .description('names only, never values')
    .action(async (options: object) => finish(await (await import('./secret.ts')).listSecrets(options)));
  common(secret.command('remove'))
    .description('forget a sealed value')
    .argument('<name>')
    .action(async (name: string, options: object) =>
      finish(await (await import('./secret.ts')).removeSecret(name, options)),
    );
}

// ---- trying ----------------------------------------------------------------------------------------------------

function addTrying(program: Command, finish: Finish): void {
  program.commandsGroup(TRYING);
  program
    .command('demo')
    .description('simulated brokers, an agent and a live view in one command; leaves nothing behind')
    .option('--once', 'one run, a summary, then end')
    .addOption(scenario())
    .option('--keep', 'keep the data folder at the end')
    .option('--json', 'the summary as JSON')
    .action(async (options: object) => finish(await (await import('./demo.ts')).demo(options)));
  program
    .command('sandbox')
    .description('a simulated brokerage on this machine; prints its addresses as one line of JSON')
    .option(
      '--port <port>',
      'of the control API; the brokers take the next three (default: any free)',
      wholeNumber(0),
    )
    .option('--seed <number>', 'of the invented market', wholeNumber(0))
    .addOption(scenario())
    .option('--env-file <file>', 'write a settings file for `--config`')
    .addOption(
      new Option('--clock <kind>', 'who turns the clock').choices(['wall', 'manual']).default('wall'),
    )
    .option('--at <instant>', 'where a manual clock starts, such as 2025-08-21T14:00:00Z')
    .option('--config <file>', 'accepted and not needed: a sandbox has no settings', collect)
    .option('--json', 'accepted: the line is JSON anyway')
    .action(async (options: object) => finish(await (await import('./sandbox.ts')).sandbox(options)));
}

// ---- options ---------------------------------------------------------------------------------------------------

/** What every command takes. */
function common(command: Command): Command {
  return command
    .option('--config <file>', 'also read settings from this file (may be repeated)', collect)
    .option('--json', 'answer and errors as JSON');
}

function listing(command: Command): Command {
  return listFormat(common(command)).option('--account <account>', 'only this account (name or id)');
}

function timeTravel(command: Command): Command {
  return command
    .option('--as-of <time>', 'as it was at this instant, or at the end of this day')
    .option('--known-at <time>', 'by what was known then: later corrections left out');
}

function listFormat(command: Command): Command {
  return command.addOption(new Option('--csv', 'answer as CSV with a header row').conflicts('json'));
}

function scenario(): Option {
  return new Option('--scenario <name>', 'the world to begin with')
    .choices(['default', 'empty', 'large'])
    .default('default');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number.parseInt(text, 10) : -1;
    if (value < least) throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    return value;
  };
}
