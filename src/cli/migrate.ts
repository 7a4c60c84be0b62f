import { type Config } from '../config/load.ts';
import { isTruebookError } from '../domain/errors.ts';
import { systemClock } from '../platform.ts';
import { openStore } from '../store/open.ts';
import { databaseUrl } from '../compose.ts';
import { printJson, printLine } from './print.ts';
import { loadSettings, tellWarnings, withBook, type CommonOptions } from './session.ts';

/** Brings the database to the newest schema (every writing command does it too) and says what it was before. */
export async function migrate(options: CommonOptions): Promise<number> {
  const config = loadSettings(options);
  tellWarnings(config);
  const before = await schemaVersion(config);
  const facts = await withBook({ config }, async (book) => book.store.facts);
  if (options.json === true) {
    printJson({ database: facts.place, dialect: facts.dialect, before, after: facts.schemaVersion });
  } else {
    const from = before === null ? 'no schema of this version' : `schema version ${before}`;
    const done = before === facts.schemaVersion ? 'nothing to do' : `now version ${facts.schemaVersion}`;
    printLine(`${facts.place}: ${from}, ${done}.`);
  }
  return 0;
}

/** The version there is, null when there is none or an older one. */
async function schemaVersion(config: Config): Promise<string | null> {
  try {
    const store = await openStore({
      url: databaseUrl(config),
      clock: systemClock(),
      readonly: true,
      migrate: false,
    });
    const version = store.facts.schemaVersion;
    await store.close();
    return version;
  } catch (error) {
    // Whatever else is wrong is told by the attempt to write.
    if (isTruebookError(error, 'storage_unreachable')) return null;
    throw error;
  }
}
