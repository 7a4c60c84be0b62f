import { defineConfig } from 'vitest/config';

/** Set by .ci/run: a file to which the results go as JSON too. */
const report = process.env['TRUEBOOK_TEST_REPORT'] ?? '';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/postgresSetup.ts'],
    setupFiles: ['test/propertySetup.ts'],
    // Threads without isolation: 1,000 tests in about a second. So a test file may not change module state that
    // another one reads, may not call process.chdir, and starts a child process to test what kills a process.
    pool: 'threads',
    isolate: false,
    // Half of a test's time is waiting for a process or a socket: two at a time use two cores.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: report === '' ? ['default'] : ['default', ['json', { outputFile: report }]],
    sequence: { hooks: 'stack' },
  },
});
