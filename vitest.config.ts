import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/postgresSetup.ts'],
    // Threads without isolation: 1,000 tests in about a second. So a test file may not change module state that
    // another one reads, may not call process.chdir, and starts a child process to test what kills a process.
    pool: 'threads',
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { hooks: 'stack' },
  },
});
