/** Databases for tests, on the one PostgreSQL of the test run. */
import { inject } from 'vitest';
import { createDatabase } from './postgres.ts';

/** An empty PostgreSQL database of the caller's own: its URL. It vanishes with the server when the run ends. */
export async function createTestDatabase(): Promise<string> {
  return await createDatabase(inject('postgresAdminUrl'));
}
