import { type Config } from '../config/load.ts';

/** The address `openStore` wants. It may hold a password: never print it, print `config.database.shown`. */
export function databaseUrl({ database }: Pick<Config, 'database'>): string {
  return database.kind === 'sqlite' ? `sqlite:${database.path}` : database.url.reveal();
}
