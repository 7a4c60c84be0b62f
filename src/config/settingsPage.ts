import { definitionOf, SETTING_NAMES } from './settings.ts';
import type { SettingDefinition, SettingName } from './settings.ts';

const INTRODUCTION = `# Settings

This page is written from the list in \`src/config/settings.ts\`; a test keeps both equal.

Sources, later wins: defaults, sealed secrets (\`truebook secret set NAME\`), \`truebook.yaml\`, your \`config.yaml\`,
\`.env\`, \`--config FILE\` (may repeat), the environment, flags. The three files are read in the working folder and in
the data folder; where both name a setting, the working folder's counts. Empty values count as not written.

Only \`truebook.yaml\` is strict: an unknown name there is an error. The other files and the environment are shared
with your other programs, so foreign names are ignored; a near-miss of one of our names is an error where it begins
with \`POSITION_SYNC_\`, \`ALPACA_SYNC_\`, \`ROBINHOOD_\`, \`IBKR_\` or \`TRUEBOOK_\`, else a warning.

Durations are seconds or \`90s\`, \`5m\`, \`2h\`, \`1d\`. Relative paths count from the file they stand in (environment and
flags: from the working folder), \`~/\` is your own folder. A secret may be written as \`sealed:NAME\` to take it from the
sealed secrets.

Several accounts: put a suffix \`__NAME\` behind the names of a connection (\`ALPACA_API_KEY__LIVE\`), or list them in
\`truebook.yaml\`:

\`\`\`yaml
connections:
  - name: fun
    broker: alpaca
    env: live
    api_key: sealed:FUN_KEY
    secret_key: sealed:FUN_SECRET
\`\`\`

A connection takes addresses and options it does not have itself from the plain names, never credentials. Plain names
in a \`--config\` file replace the default connection of that broker as a whole. While a \`--config\` file points at this
machine (a sandbox), connections from other files are not used.
`;

/** The whole of `docs/settings.md`. */
export function renderSettingsPage(): string {
  const groups = new Map<string, SettingName[]>();
  for (const name of SETTING_NAMES) {
    const { group } = definitionOf(name);
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  const sections = [...groups].map(
    ([group, names]) =>
      `## ${group}\n\n${names.map((name) => renderSetting(name, definitionOf(name))).join('\n')}`,
  );
  return `${INTRODUCTION}\n${sections.join('\n\n')}\n`;
}

function renderSetting(name: SettingName, definition: SettingDefinition): string {
  const facts = [typeText(definition), `default: ${defaultText(definition)}`];
  if (definition.broker !== undefined) facts.push(`per connection (\`${name}__NAME\`)`);
  return `- \`${name}\` (${facts.join('; ')}): ${definition.doc}`;
}

function typeText(definition: SettingDefinition): string {
  switch (definition.type) {
    case 'choice':
      return (definition.choices ?? []).map((choice) => `\`${choice}\``).join(' or ');
    case 'boolean':
      return '`true` or `false`';
    case 'list':
      return 'comma list';
    case 'duration':
      return definition.unit === 'minutes' ? 'duration, plain numbers are minutes' : 'duration';
    case 'integer':
      return 'whole number';
    case 'url':
      return 'address';
    case 'text':
    case 'decimal':
    case 'path':
    case 'database':
    case 'secret':
      return definition.type;
  }
}

function defaultText(definition: SettingDefinition): string {
  if (definition.defaultDoc !== undefined) return definition.defaultDoc;
  return definition.default === null || definition.default === '' ? 'none' : `\`${definition.default}\``;
}
