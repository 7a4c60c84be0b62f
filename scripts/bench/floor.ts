/**
 * What the machine itself asks for a small cycle: the same three answers over the same sockets with Node's own client, and
 * as many rows made durable, without anything of Truebook between them. A cycle cannot cost less, so its cost is told
 * beside this one: system calls alone differ by a factor of ten between machines.
 */
import { Agent, get } from 'node:http';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Brokerage } from './brokerage.ts';
import { cpuSince, median, msSince, QUESTIONS, questionMs } from './meter.ts';

const WARM_UP = 30;
/** As in an unchanged cycle of a small account. */
const ROWS = 13;
const READS = 5;
const PATHS = ['/v2/account', '/v2/positions', '/v2/account/activities?direction=desc&page_size=100'];

/**
 * Median own cost in milliseconds, counted as a cycle's: CPU of the process outside the commit plus the commit from its call
 * to its answer. The brokerage's clock stands still meanwhile.
 */
export async function bareCycleMs(brokerage: Brokerage, runs: number): Promise<number> {
  const { tradingUrl, keyId, secretKey } = brokerage.ready.alpaca.paper;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const database = new DatabaseSync(path.join(brokerage.folder, 'floor.db'));
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare (id INTEGER PRIMARY KEY, text TEXT)',
  );
  const insert = database.prepare('INSERT INTO bare (text) VALUES (?)');
  const read = database.prepare('SELECT text FROM bare ORDER BY id DESC LIMIT 1');
  const text = 'x'.repeat(200);
  const headers = { 'APCA-API-KEY-ID': keyId, 'APCA-API-SECRET-KEY': secretKey };
  const questionsMs = QUESTIONS * questionMs();
  const once = async (): Promise<number> => {
    const whole = process.cpuUsage();
    for (const resource of PATHS) JSON.parse(await bodyOf(new URL(resource, tradingUrl), agent, headers));
    for (let count = 0; count < READS; count += 1) read.get();
    const start = process.hrtime.bigint();
    const commit = process.cpuUsage();
    database.exec('BEGIN IMMEDIATE');
    for (let count = 0; count < ROWS; count += 1) insert.run(text);
    database.exec('COMMIT');
    const [commitCpuMs, commitMs] = [cpuSince(commit), msSince(start)];
    return cpuSince(whole) - questionsMs - commitCpuMs + commitMs;
  };
  try {
    for (let run = 0; run < WARM_UP; run += 1) await once();
    const costs: number[] = [];
    for (let run = 0; run < runs; run += 1) costs.push(await once());
    return median(costs);
  } finally {
    agent.destroy();
    database.close();
  }
}

function bodyOf(url: URL, agent: Agent, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => {
        const body = Buffer.concat(parts).toString();
        if (answer.statusCode === 200) resolve(body);
        else reject(new Error(`${url.pathname} answered ${answer.statusCode ?? 0}: ${body.slice(0, 200)}`));
      });
      answer.on('error', reject);
    }).on('error', reject);
  });
}
