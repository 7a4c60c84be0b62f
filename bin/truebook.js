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
  hideSqliteWarning();
  import(findEntry())
    .then(function (entry) {
      return entry.main(process.argv.slice(2));
    })
    .catch(function (error) {
      console.error(error);
      process.exitCode = 1;
    });
}
