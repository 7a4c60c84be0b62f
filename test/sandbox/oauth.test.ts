/** OAuth at the simulated broker: whose a token is, what it may read, and when it ends. */
import { describe, expect, it } from 'vitest';
import { read, start, type Row } from './play.ts';

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

describe('a token', () => {
  it('opens the account it belongs to, on that account’s host only', async () => {
    await using play = await start();
    const { paper, live } = play;
    const byKeys = (await play.get('/v2/account')).body as Row;
    const byToken = await read(`${paper.tradingUrl}/v2/account`, bearer(paper.oauthToken));
    expect(byToken).toMatchObject({ status: 200, body: { id: byKeys['id'] } });
    expect(await read(`${live.tradingUrl}/v2/account`, bearer(paper.oauthToken))).toMatchObject({
      status: 401,
      body: { message: 'unauthorized.' },
    });
    expect(new Set([paper.oauthToken, paper.oauthDataToken, live.oauthToken, live.oauthDataToken]).size).toBe(
      4,
    );
    // The secret of a pair of keys is no token.
    expect((await read(`${paper.tradingUrl}/v2/account`, bearer(paper.secretKey))).status).toBe(401);
  });

  it('without scopes reads no market data, with `data` it does', async () => {
    await using play = await start();
    const { paper } = play;
    const url = `${paper.dataUrl}/v2/stocks/snapshots?symbols=AAPL`;
    expect(await read(url, bearer(paper.oauthToken))).toMatchObject({
      status: 401,
      body: { code: 40110000, message: 'token is not authorized for this scope' },
    });
    expect((await read(url, bearer(paper.oauthDataToken))).status).toBe(200);
    expect((await play.data('/v2/stocks/snapshots?symbols=AAPL')).status).toBe(200);
  });

  it('ends when the account gets new keys', async () => {
    await using play = await start();
    play.post('/control/account', { account: 'alpaca-paper', action: 'new-keys' });
    expect((await read(`${play.paper.tradingUrl}/v2/account`, bearer(play.paper.oauthToken))).status).toBe(
      401,
    );
  });
});
