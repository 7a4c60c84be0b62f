/** `truebook secret`: values sealed in the data folder. A value comes from a prompt or stdin, never from the arguments. */
import { nearestName } from '../config/nearest.ts';
import { Secret } from '../config/secret.ts';
import { definitionOf, isSettingName, SETTING_NAMES, splitSuffix } from '../config/settings.ts';
import { TruebookError } from '../domain/errors.ts';
import { registerSecret } from '../log.ts';
import { readSecretValue } from './secretPrompt.ts';
import { printJson, printLine, printProblem } from './print.ts';
import { loadSettings, type CommonOptions } from './session.ts';

export async function setSecret(name: string, options: CommonOptions): Promise<number> {
  const config = loadSettings(options, { onSecretFailure: 'warn' });
  noteUnknownName(name);
  const value = await readSecretValue(`${name}: `);
  if (value === '') {
    throw new TruebookError('usage', 'An empty value was given; nothing was sealed.', {
      hint: `Type the value, or pipe it: printf %s "$VALUE" | truebook secret set ${name}`,
    });
  }
  registerSecret(value);
  config.sealedSecrets.sealSecret(name, new Secret(value));
  if (options.json === true) printJson({ name, sealed: true, path: config.sealedSecrets.path });
  else printLine(`${name} is sealed in ${config.sealedSecrets.path}.`);
  return 0;
}

export async function listSecrets(options: CommonOptions): Promise<number> {
  const { sealedSecrets } = loadSettings(options, { onSecretFailure: 'warn' });
  const names = sealedSecrets.listSecrets();
  if (options.json === true) printJson(names.map((name) => ({ name })));
  else printLine(names.length === 0 ? `Nothing is sealed in ${sealedSecrets.path}.` : names.join('\n'));
  return 0;
}

export async function removeSecret(name: string, options: CommonOptions): Promise<number> {
  const { sealedSecrets } = loadSettings(options, { onSecretFailure: 'warn' });
  if (!sealedSecrets.removeSecret(name)) {
    const known = sealedSecrets.listSecrets();
    throw new TruebookError('usage', `Nothing is sealed under the name ${name}.`, {
      hint: known.length === 0 ? 'Nothing is sealed at all.' : `Sealed are: ${known.join(', ')}.`,
    });
  }
  if (options.json === true) printJson({ name, removed: true });
  else printLine(`${name} is forgotten.`);
  return 0;
}

/** Other names may be sealed too, for `sealed:NAME` in a file; a slip of the pen is more likely. */
function noteUnknownName(name: string): void {
  const { base } = splitSuffix(name);
  if (isSettingName(base) && definitionOf(base).type === 'secret') return;
  const secrets = SETTING_NAMES.filter((known) => definitionOf(known).type === 'secret');
  const meant = nearestName(base, secrets);
  printProblem(
    `warning: ${name} is no secret setting${meant === null ? '' : ` (did you mean ${meant}?)`}: ` +
      `it is used only where a file says sealed:${name}.`,
  );
}
