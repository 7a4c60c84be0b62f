import { describe, expect, it } from 'vitest';
import { type TruebookError } from '../../src/index.ts';
import { chooseAccount, chooseAccounts } from '../../src/library/chooseAccount.ts';
import { type AgentAccount } from '../../src/sync/agent.ts';

const seat = (id: number, name: string, env: 'paper' | 'live'): AgentAccount =>
  ({ account: { id, name, env } }) as AgentAccount;
const PAPER = seat(1, 'alpaca-paper', 'paper');
const LIVE = seat(2, 'alpaca-live', 'live');
const SECOND = seat(3, 'alpaca-paper-1234', 'paper');

function refusal(choose: () => unknown): string {
  try {
    choose();
  } catch (error) {
    const { code, message, hint } = error as TruebookError;
    return `${code}: ${message} ${hint}`;
  }
  return 'none';
}

describe('an account', () => {
  it.each([
    [[PAPER, LIVE], { account: 'alpaca-live' }, LIVE],
    [[PAPER, LIVE], { account: '1' }, PAPER],
    [[PAPER, LIVE], { env: 'live' }, LIVE],
    [[PAPER, LIVE, SECOND], { account: 'alpaca-paper-1234', env: 'paper' }, SECOND],
    [[LIVE], {}, LIVE],
  ] as const)('of %j is meant by %j', (all, which, meant) => {
    expect(chooseAccount(all, which)).toBe(meant);
  });

  it.each([
    [
      [PAPER, LIVE, SECOND],
      { env: 'paper' },
      'config: Several accounts are meant: alpaca-paper, alpaca-paper-1234.',
    ],
    [
      [PAPER],
      { env: 'live' },
      'config: There is no configured account of env live. Configured: alpaca-paper.',
    ],
    [[PAPER], { account: 'alpaca' }, 'unknown_account: There is no configured account named "alpaca".'],
    [[PAPER], { account: 'alpaca-paper', env: 'live' }, 'usage: alpaca-paper is a paper account, not live.'],
    [[PAPER, LIVE], {}, 'config: Several accounts are meant: alpaca-paper, alpaca-live.'],
    [[], { env: 'live' }, 'No account is configured.'],
  ] as const)('of %j is not meant by %j', (all, which, sentence) => {
    expect(refusal(() => chooseAccount(all, which))).toContain(sentence);
  });

  it('is every one where none is named, and none of no accounts', () => {
    expect(chooseAccounts([PAPER, LIVE], {})).toEqual([PAPER, LIVE]);
    expect(chooseAccounts([PAPER, LIVE], { env: 'live' })).toEqual([LIVE]);
    expect(refusal(() => chooseAccounts([], {}))).toContain('usage');
  });
});
