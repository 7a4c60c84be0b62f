#!/usr/bin/env -S node --
// `--` because Node would take an option of ours that it knows too (`sandbox --env-file F`) for its own.
// Plain old JavaScript: an older Node must be able to read this file to its end and say what is wrong, and a static
// `import 'node:sqlite'` would stop it before its first line. CommonJS (package.json beside this file), because the
// oldest do not know modules.
'use strict';

var OLDEST = [24, 15, 0]; // the first Node with SQLite 3.51.3: older ones can corrupt a write-ahead log

function isTooOld(version) {
  var parts = version.split('.').map(function (part) {
    return parseInt(part, 10);
  });
  for (var index = 0; index < OLDEST.length; index += 1) {
    if (parts[index] !== OLDEST[index]) return parts[index] < OLDEST[index];
  }
  return false;
}

/** Hides the one warning a user can do nothing about, that node:sqlite is young. Every other warning is shown. */
function hideSqliteWarning() {
  var emitWarning = process.emitWarning;
  process.emitWarning = function (warning) {
    var text = String((warning && warning.message) || warning);
    if (text.indexOf('SQLite is an experimental feature') === 0) return undefined;
    return emitWarning.apply(process, arguments);
  };
}

/** The published package holds dist/ only; a checkout runs from its sources, also when it has been built. */
function findEntry() {
  var fs = require('fs');
  var path = require('path');
  var sources = path.join(__dirname, '..', 'src', 'cli', 'main.ts');
  var built = path.join(__dirname, '..', 'dist', 'cli.js');
  var entry = !fs.existsSync(sources) && fs.existsSync(built) ? built : sources;
  return require('url').pathToFileURL(entry).href;
}

/**
 * The agent runs for months: a small young generation and a bounded old one keep its memory low at no cost in time
 * (docs/performance.md). V8 reads these only when a process starts, so the process starts once more, in its own place:
 * same process id, same streams, no second process. Where the system cannot do that (Windows), or somebody chose limits
 * of their own, nothing happens.
 */
function restartWithMemoryLimits() {
  var args = process.argv.slice(2);
  var own = process.execArgv.concat((process.env.NODE_OPTIONS || '').split(' ')).join(' ');
  if (args[0] !== 'agent' || typeof process.execve !== 'function' || process.platform === 'win32') return;
  if (/--(max|min)[-_](old|semi)[-_]space|--inspect/.test(own)) return;
  // Optimizing compilers pay where code runs hot for long; an agent runs for milliseconds every few minutes.
  var flags = process.execArgv.concat([
    '--max-semi-space-size=2',
    '--max-old-space-size=192',
    '--expose-gc',
    '--no-opt',
    '--no-maglev',
  ]);
  // `--` may stand among the options of Node already (the first line of this file).
  flags = flags.filter(function (flag) {
    return flag !== '--';
  });
  var emitWarning = process.emitWarning;
  process.emitWarning = function () {};
  // Answers of brokers are megabytes that come and go: the C library of Linux would keep their room for later.
  var environment = {
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
  };
  for (var name in process.env) environment[name] = process.env[name];
  try {
    process.execve(process.execPath, [process.argv0].concat(flags, ['--', __filename], args), environment);
  } catch (error) {
    // Without the limits it runs as well.
    process.emitWarning = emitWarning;
  }
}

/** Compiled code is kept in the user's own cache folder: a command starts in two thirds of the time. */
function keepCompiledCode() {
  var modules = require('module');
  var os = require('os');
  var path = require('path');
  if (typeof modules.enableCompileCache !== 'function' || process.env.NODE_COMPILE_CACHE) return;
  var home = process.env.XDG_CACHE_HOME || process.env.LOCALAPPDATA || path.join(os.homedir(), '.cache');
  // Never the shared folder for temporary files: who can write there could hand us their code.
  modules.enableCompileCache(path.join(home, 'truebook', 'compiled'));
}

if (isTooOld(process.versions.node)) {
  console.error(
    'Truebook needs Node.js ' +
      OLDEST.join('.') +
      ' or newer, but this is Node.js ' +
      process.versions.node +
      ': install a newer one from https://nodejs.org and run the command again.',
  );
  process.exitCode = 2;
} else {
  restartWithMemoryLimits();
  hideSqliteWarning();
  keepCompiledCode();
  import(findEntry())
    .then(function (entry) {
      return entry.main(process.argv.slice(2));
    })
    .catch(function (error) {
      console.error(error);
      process.exitCode = 1;
    });
}
