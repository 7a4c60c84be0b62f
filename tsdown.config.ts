import { defineConfig } from 'tsdown';

const common = {
  format: 'esm',
  platform: 'node',
  target: 'node24.15',
  fixedExtension: false,
  clean: false, // scripts/build.ts empties dist/ once: the two builds below run side by side
  publint: false,
} as const;

export default defineConfig([
  {
    // The command line and the agent, in one file with everything they use: 25 MB less memory than unbundled. What
    // is imported dynamically (the sandbox) becomes a file of its own, loaded when it is asked for.
    ...common,
    entry: { cli: 'src/cli/main.ts' },
    outDir: 'dist',
    dts: false,
    deps: {
      alwaysBundle: [/^[^.]/],
      // Optional drivers that `pg` asks for and lives without.
      neverBundle: ['pg-native', 'pg-cloudflare'],
      onlyBundle: false,
    },
  },
  {
    // The library, file by file and with types, so that a bundler of its user takes only what is used.
    ...common,
    entry: { index: 'src/index.ts' },
    outDir: 'dist/library',
    unbundle: true,
    dts: true,
  },
]);
