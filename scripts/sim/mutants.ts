/**
 * Wrong designs, each switched on alone by changing the source while it is loaded. A simulator that does not notice one
 * of them is blind there: then an invariant or a fault is missing, or a second protection stands behind the first and the
 * mutant has to take it away too.
 */
import type { Edit } from './hooks.ts';
import type { SeedOrder } from './messages.ts';

export interface Mutant {
  readonly id: string;
  /** The wrong design in a sentence. */
  readonly says: string;
  readonly edits: readonly Edit[];
  /** Fault kinds that meet it: its seeds have these and no others, and more of them. */
  readonly focus?: readonly string[];
  readonly profile?: 'long';
  /** Its seeds have two accounts. */
  readonly accounts?: 2;
  /** A meeting so rare that it is looked for from a seed on that is known to bring it about, with days so long. */
  readonly rare?: { readonly seed: number; readonly hours: number; readonly intensity?: number };
  /** The second protection behind it, where it can do no harm alone. */
  readonly maskedBy?: string;
}

const edit = (file: string, find: string, put: string): Edit => ({ file, find, put });

/** Ledgers of every size are read as large ones are: the walls that stand only there are met by every seed. */
const AS_LARGE = edit('sync/schedule.ts', 'const ALWAYS_WHOLE = 200;', 'const ALWAYS_WHOLE = -1;');

export const MUTANTS: readonly Mutant[] = [
  // ---- identity and revisions
  {
    id: 'natural-key',
    says: 'a trade is known by symbol, side, quantity, price and day instead of its id',
    edits: [
      edit(
        'brokers/alpaca/map.ts',
        'rootId: `FILL:${wire.id}`,',
        'rootId: `FILL:${wire.symbol}:${side}:${wire.qty.toString()}:${wire.price.toString()}:${newYorkDate(wire.transaction_time)}`,',
      ),
    ],
  },
  {
    id: 'no-dedupe',
    says: 'a trade read again is a trade again',
    edits: [
      edit(
        'sync/mergeActivities.ts',
        'const chain = known.get(given.rootId) ?? [];',
        'const chain: RevisionChain = [];',
      ),
    ],
  },
  {
    id: 'correction-added',
    says: 'a corrected trade is added to the one it corrects',
    edits: [
      edit(
        'sync/mergeActivities.ts',
        'revisions.push({ ...activity, rev: decision.rev, firstSeenAt: now, contentHash: hash });',
        'revisions.push({ ...activity, rootId: decision.rev > 0 ? `${activity.rootId}#${decision.rev}` : activity.rootId, rev: decision.rev, firstSeenAt: now, contentHash: hash });',
      ),
    ],
  },
  {
    id: 'correction-ignored',
    says: 'what is known by its id is never read again',
    edits: [
      edit(
        'sync/mergeActivities.ts',
        'return { rev: newest.rev + 1, pending: null };',
        'return { rev: null, pending: null };',
      ),
    ],
  },
  {
    id: 'checkpoint-hides-correction',
    says: 'a proof that begins with a checkpoint does not know that what it holds was corrected since',
    focus: ['wall-jump'],
    rare: { seed: 20_022, hours: 6 },
    edits: [
      edit(
        'sync/beginOfWalk.ts',
        'const seenLater = checkpoint === null ? [] : await seenAfterFirst(run, statements, activities);',
        'const seenLater: readonly ActivityRevision[] = [];',
      ),
    ],
  },
  {
    id: 'bust-ignored',
    says: 'a trade that was taken back still counts',
    edits: [
      edit(
        'brokers/alpaca/map.ts',
        "return word === 'canceled' ? 'bust' : null;",
        "return word === 'canceled' ? 'ok' : null;",
      ),
    ],
  },
  {
    id: 'revision-in-place',
    says: 'a new revision takes the number of the old one',
    edits: [
      edit(
        'sync/mergeActivities.ts',
        'return { rev: newest.rev + 1, pending: null };',
        'return { rev: newest.rev, pending: null };',
      ),
    ],
  },
  // ---- reading
  {
    id: 'cursor-without-overlap',
    says: 'each read begins where the last one ended, and nothing is searched',
    edits: [AS_LARGE, edit('sync/schedule.ts', "if (depth === 'recent') return recent;", 'return cursor;')],
  },
  {
    id: 'no-known-id-proof',
    says: 'a list that lacks known rows is taken for complete, and what it lacks for withdrawn',
    edits: [
      edit(
        'sync/mergeActivities.ts',
        'return !listed && watch?.withdrawn !== true;',
        'return false && !listed;',
      ),
      edit(
        'sync/firstContact.ts',
        'const absent = [...(held ?? [])].filter((rootId) => !listed.has(rootId));',
        'const absent = [...(held ?? [])].filter(() => false);',
      ),
    ],
  },
  {
    id: 'short-page-ends',
    says: 'the first page of a history is all of it',
    edits: [
      AS_LARGE,
      edit(
        'brokers/alpaca/client.ts',
        "isEnd = (await walk.next()) === 'end';",
        "isEnd = (await walk.next()) !== 'repeated';",
      ),
      edit(
        'brokers/alpaca/client.ts',
        "if ((await walk.next()) === 'more') continue;",
        "if ((await walk.next()) === 'repeated') continue;",
      ),
    ],
  },
  {
    id: 'repeated-page-accepted',
    says: 'a page that comes again is the end of the walk',
    maskedBy:
      'the two readings of a first contact begin at different ends and must agree, and later ones must hold every known row',
    focus: ['repeated-page', 'dns', 'refused'],
    profile: 'long',
    edits: [
      edit(
        'brokers/alpaca/pages.ts',
        "return ignoredToken || rows.length >= PAGE_SIZE ? 'repeated' : 'end';",
        "return ignoredToken && rows.length < 0 ? 'repeated' : 'end';",
      ),
    ],
  },
  {
    id: 'unreadable-is-dropped',
    says: 'a row nobody can read is left out without a word',
    focus: ['null-price', 'not-a-number', 'exponent'],
    edits: [
      edit(
        'brokers/alpaca/client.ts',
        "if (problem !== null) reading.quarantine('activities', problem, raw, sha256);\n",
        '',
      ),
    ],
  },
  {
    id: 'error-is-flat',
    says: 'an error of the list of positions is an empty list',
    maskedBy:
      'what is missing from a list stays, with its quantity, and is not fresh (`absence-is-flat` is the wrong design behind it)',
    edits: [
      edit(
        'brokers/alpaca/reading.ts',
        'if (answer.status !== 200) throw statusError(answer, resource, host, connection);\n      return { read:',
        "if (answer.status !== 200 && resource === 'positions') return { read: () => [], sha256 };\n      if (answer.status !== 200) throw statusError(answer, resource, host, connection);\n      return { read:",
      ),
    ],
  },
  {
    id: 'wrong-account-accepted',
    says: 'an answer is believed whoever it is of',
    focus: ['another-account'],
    edits: [
      edit(
        'sync/readBroker.ts',
        'if (account.pinnedFingerprint === null || account.pinnedFingerprint === fingerprint) return null;',
        'if (fingerprint !== "") return null;',
      ),
    ],
  },
  {
    id: 'named-by-another',
    says: 'an agent takes the name of whatever account the broker answers for',
    focus: ['another-account', 'second-agent'],
    accounts: 2,
    edits: [
      edit(
        'compose.ts',
        'if (isForeign && !taken.has(base)) return base;',
        'if (isForeign && all.length < 0) return base;',
      ),
    ],
  },
  {
    id: 'second-pin',
    says: 'a broker account may stand under two names',
    focus: ['another-account', 'second-agent', 'pause-in-run'],
    rare: { seed: 65, hours: 3, intensity: 6 },
    edits: [
      edit(
        'sync/readBroker.ts',
        'if (owner === undefined) return null;',
        'if (owner === undefined || owner.id > 0) return null;',
      ),
    ],
  },
  {
    id: 'reset-is-another',
    says: 'a second agent gives an account that was reset a name of its own',
    focus: ['reset', 'second-agent', 'stream-dropped'],
    edits: [edit('compose.ts', 'if (!isOther) return base;', 'if (!isOther && all.length < 0) return base;')],
  },
  {
    id: 'held-for-good',
    says: 'an agent never takes over an account that another one kept at its start',
    focus: ['second-agent', 'kill', 'sync-now', 'pause'],
    accounts: 2,
    edits: [
      edit('sync/agent.ts', 'if (!once && this.#held.length > 0 &&', 'if (!once && this.#held.length < 0 &&'),
    ],
  },
  {
    id: 'order-of-clocks',
    says: 'corporate actions of one day are applied in the order of their times alone',
    rare: { seed: 22_079, hours: 6 },
    edits: [
      edit('book/eventOrder.ts', 'return behind.size === 0 ? ordered', 'return behind.size >= 0 ? ordered'),
    ],
  },
  {
    id: 'shared-session',
    says: 'all connections share the credentials and the address of the first',
    edits: [
      edit(
        'compose.ts',
        'const { credentials, addresses } = connection;',
        'const { credentials, addresses } = (sharedSession ??= connection);',
      ),
      edit(
        'compose.ts',
        'async function openBroker(',
        'let sharedSession: AlpacaConnection | null = null;\nasync function openBroker(',
      ),
    ],
  },
  {
    id: 'nan-is-zero',
    says: 'a price that is missing is zero',
    focus: ['null-price'],
    edits: [
      edit(
        'brokers/alpaca/map.ts',
        'const fill = wireFill.safeParse(raw);',
        "const fill = wireFill.safeParse((raw as { price: unknown }).price === null ? { ...(raw as object), price: '0' } : raw);",
      ),
    ],
  },
  // ---- the book
  {
    id: 'absence-is-flat',
    says: 'what is not in the list any more is closed',
    edits: [
      edit(
        'sync/lifecycle.ts',
        'if (booked.isZero() && !absentWithoutProof(input, ended, before)) return null;',
        'if (input.absenceProves || booked.isZero()) return null;',
      ),
    ],
  },
  {
    id: 'missing-closed-at-once',
    says: 'what is missing is closed by an adjustment of our own',
    edits: [
      edit(
        'sync/workOut.ts',
        '.filter((row) => row.confirmations >= policy.confirmations);',
        '.filter((row) => row.confirmations >= 1);',
      ),
      edit(
        'compose.ts',
        'markAsClosed: settings.POSITION_SYNC_MARK_MISSING_AS_CLOSED,',
        'markAsClosed: true,',
      ),
    ],
  },
  {
    id: 'broker-is-book',
    says: 'the quantity of the broker is written for that of the book',
    edits: [
      edit(
        'sync/positionRows.ts',
        'explained: stated.quantity.equals(row.bookQuantity),',
        'bookQuantity: stated.quantity,\n    explained: true,',
      ),
    ],
  },
  {
    id: 'opening-closes',
    says: 'what history has and the first list lacks is booked away',
    focus: ['partial', 'empty', 'dns'],
    profile: 'long',
    edits: [
      edit('sync/proof.ts', "if (result.totals !== 'disagree') return false;", 'return false;'),
      edit(
        'sync/opening.ts',
        'if (position === undefined || rest.isZero() || instrument === undefined) continue;',
        'if (rest.isZero() || instrument === undefined) continue;',
      ),
    ],
  },
  {
    id: 'fold-only-behind',
    says: 'late and corrected activities are folded behind the newest checkpoint',
    edits: [
      edit(
        'sync/foldOnto.ts',
        'newest !== null && row.rev === 0 && compareInstants(changesFrom(row), newest.lastExecutedAt) > 0;',
        'newest !== null && row !== null;',
      ),
    ],
  },
  {
    id: 'lots-not-saved',
    says: 'lots that were closed stay as they were',
    edits: [
      edit(
        'store/commitRun.ts',
        '  await saveLots(queries, accountId, sight.epoch, commit.lots);\n',
        '  await saveLots(queries, accountId, sight.epoch, { ...commit.lots, upsert: commit.lots.upsert.filter((lot) => lot.openQuantity.equals(lot.quantity)) });\n',
      ),
    ],
  },
  {
    id: 'cash-twice',
    says: 'a deposit is counted twice',
    edits: [
      edit(
        'book/foldBook.ts',
        'add(cash, activity.currency, activity.amount);',
        "add(cash, activity.currency, activity.kind === 'deposit' ? activity.amount.plus(activity.amount) : activity.amount);",
      ),
    ],
  },
  // ---- freshness and the gate
  {
    id: 'fresh-on-attempt',
    says: 'a run that failed stamps the data anew',
    edits: [
      edit(
        'sync/commit.ts',
        '    watch: refusal.watch,\n    cursors: [',
        '    watch: refusal.watch,\n    freshness: state.freshness.map((row) => ({ ...row, asOf: now, fetchedAt: now, asOfMonoMs: frame.startedMonoMs, monoEpoch: frame.deps.clock.epoch })),\n    cursors: [',
      ),
    ],
  },
  {
    id: 'failure-is-fresh',
    says: 'a run that failed does not spoil what is shown',
    edits: [
      edit(
        'sync/freshness.ts',
        "if (input.newestRun !== null && input.newestRun.outcome !== 'complete')\n    return failureWords(input.newestRun);\n",
        '',
      ),
    ],
  },
  {
    id: 'fresh-unreconciled',
    says: 'data is fresh although broker and book differ',
    edits: [
      edit(
        'sync/freshness.ts',
        "if (rows.some((row) => !row.reconciled)) return 'unreconciled: broker and book differ, see findings';",
        '',
      ),
    ],
  },
  {
    id: 'fresh-at-start',
    says: 'a new agent trusts what the last one saw',
    edits: [edit('sync/agent.ts', '    await store.endVerification(grant.lease);\n', '')],
  },
  {
    id: 'wall-clock-age',
    says: 'age is told by the wall clock alone',
    focus: ['wall-jump', 'disk-full', 'disk-write-error', 'disk-readonly', 'disk-fsync-error'],
    edits: [
      edit(
        'sync/freshness.ts',
        'if (row.monoEpoch === clock.monoEpoch) return Math.max(wall, clock.monoMs - row.asOfMonoMs);',
        '',
      ),
    ],
  },
  {
    id: 'mono-age',
    says: 'age is told by the monotonic clock alone, which sleeps with the machine',
    focus: ['suspend', 'wall-set-right'],
    edits: [
      edit(
        'sync/freshness.ts',
        'return Math.max(wall, clock.monoMs - row.asOfMonoMs);',
        'return clock.monoMs - row.asOfMonoMs;',
      ),
    ],
  },
  {
    id: 'stamped-at-the-end',
    says: 'data is as old as the moment at which all of it had arrived',
    edits: [
      edit(
        'brokers/alpaca/reading.ts',
        "return { kind: 'complete', rows, asOf: startedAt, startedAt, startedMonoMs, evidence };",
        "return { kind: 'complete', rows, asOf: now(clock), startedAt, startedMonoMs, evidence };",
      ),
    ],
  },
  {
    id: 'mixed-versions',
    says: 'positions and activities of different runs are fresh together',
    focus: ['sync-now', 'positions-lag', 'late'],
    edits: [
      edit(
        'sync/freshness.ts',
        'if (new Set(proving.map((row) => row.runId)).size > 1)',
        'if (proving.length > 99)',
      ),
    ],
  },
  {
    id: 'gate-ignores-age',
    says: 'the gate asks whether the data was ever good',
    edits: [
      edit(
        'gate/decide.ts',
        'ageSeconds !== null && !(ageSeconds <= maxAgeSeconds)',
        'ageSeconds !== null && ageSeconds < -maxAgeSeconds',
      ),
      edit('sync/freshness.ts', 'if (ageSeconds > input.maxAgeSeconds)', 'if (ageSeconds > 1e9)'),
    ],
  },
  {
    id: 'gate-ignores-missing',
    says: 'the gate is open although the book says it differs',
    edits: [
      edit(
        'gate/decide.ts',
        'reconciled === false && everSynced !== false',
        'reconciled === false && everSynced === false',
      ),
      edit(
        'gate/decide.ts',
        'missing !== null && missing.length > 0',
        'missing !== null && missing.length > 9999',
      ),
      edit(
        'gate/decide.ts',
        'unexplained !== null && unexplained.length > 0',
        'unexplained !== null && unexplained.length > 9999',
      ),
      edit(
        'gate/decide.ts',
        'doubt !== null && everSynced !== false',
        'doubt !== null && everSynced === false',
      ),
    ],
  },
  // ---- one writer, one transaction
  {
    id: 'no-fence',
    says: 'whoever had the lease once may write for ever',
    focus: ['pause-in-run', 'second-agent'],
    edits: [
      edit(
        'store/runs.ts',
        'FROM lease WHERE account_id = ${place(1)} AND fence = ${place(2)} AND incarnation = ${place(3)}',
        "FROM lease WHERE account_id = ${place(1)} AND fence + 0 * CAST(${place(2)} AS INTEGER) = fence AND ${place(3)} <> ''",
      ),
    ],
  },
  {
    id: 'no-lease',
    says: 'a lease that another one holds is taken from it',
    maskedBy: 'the fence: whoever lost the lease writes nothing (`no-fence` is the wrong design behind it)',
    focus: ['second-agent'],
    edits: [edit('store/leases.ts', 'row!.expires_at_ms > nowMs &&', 'row!.expires_at_ms < 0 &&')],
  },
  {
    id: 'lease-never-ends',
    says: 'a lease is held until it is given back, also by the dead',
    edits: [
      edit(
        'store/leases.ts',
        'row!.expires_at_ms > nowMs &&\n      !(current.host === holder.host && isGone(current))',
        'row!.expires_at_ms > 0',
      ),
    ],
  },
  {
    id: 'cursor-first',
    says: 'the cursor is written in a transaction of its own before the rows',
    focus: ['kill-at-store', 'disk-full', 'disk-fsync-error'],
    edits: [
      AS_LARGE,
      edit(
        'sync/schedule.ts',
        "if (depth === 'recent') return recent;",
        "if (depth !== 'search') return cursor;",
      ),
      edit(
        'store/commitRun.ts',
        '  return await database.write(\n    (queries) => writeRun(',
        '  await database.write((queries) => saveCursors(queries, commit.lease.accountId, commit.cursors));\n  return await database.write(\n    (queries) => writeRun(',
      ),
    ],
  },
  {
    id: 'rows-before-run',
    says: 'stamps of freshness are written before the run that earns them',
    focus: ['kill-at-store', 'disk-full', 'disk-fsync-error', 'disk-write-error'],
    edits: [
      edit(
        'store/commitRun.ts',
        '  return await database.write(\n    (queries) => writeRun(',
        "  await database.write(async (queries) => {\n    for (const row of commit.freshness) await queries.updateTable('freshness').set({ as_of: instantKey(row.asOf) }).where('account_id', '=', commit.lease.accountId).where('data_class', '=', row.dataClass).execute();\n  });\n  return await database.write(\n    (queries) => writeRun(",
      ),
    ],
  },
  {
    id: 'told-before-commit',
    says: 'a listener is told of a run before it is committed',
    focus: ['kill-at-store', 'disk-full', 'disk-fsync-error'],
    edits: [
      edit(
        'sync/syncAccount.ts',
        'outcome = { run: await store.commitRun(written), difference };',
        "const next = ((await store.lastRun(written.lease.accountId))?.id ?? 0) + 1;\n    await hooks?.after('commit', context, { ...written.run, id: next });\n    outcome = { run: await store.commitRun(written), difference };",
      ),
    ],
  },
  {
    id: 'head-not-saved',
    says: 'the head of the chain is not moved with its rows',
    edits: [
      edit(
        'store/commitRun.ts',
        '  await saveHead(queries, elected.head);\n  return { before',
        '  if (elected.head.seq % 5 !== 0) await saveHead(queries, elected.head);\n  return { before',
      ),
    ],
  },
  {
    id: 'evidence-lost',
    says: 'a run does not write down what it read',
    edits: [edit('store/commitRun.ts', '  await insertReads(queries, sight.runId, commit);\n', '')],
  },
  // ---- living on
  {
    id: 'requests-unanswered',
    says: 'who asked for a sync is never answered',
    focus: ['sync-now'],
    edits: [
      edit(
        'store/requests.ts',
        ".where('id', 'in', part)\n      .where('account_id', '=', accountId)\n      .where('run_id', 'is', null)",
        ".where('id', 'in', part)\n      .where('account_id', '=', -1)\n      .where('run_id', 'is', null)",
      ),
    ],
  },
  {
    id: 'breaker-stays-open',
    says: 'a fuse that opened never closes again',
    focus: ['refused', 'dns', 'error-500'],
    edits: [
      edit(
        'egress/breaker.ts',
        'fuse.closedAgainAt = clock.monoMs() + fuse.openMs;',
        'fuse.closedAgainAt = Number.MAX_SAFE_INTEGER;',
      ),
    ],
  },
  {
    id: 'wish-believed',
    says: 'a Retry-After is believed whatever it says',
    focus: ['limit-absurd'],
    edits: [
      edit(
        'egress/retry.ts',
        'return wish === null ? null : Math.min(wish, limits.wishMsMax);',
        'return wish;',
      ),
    ],
  },
  {
    id: 'lease-lost-for-good',
    says: 'an agent that lost its lease once never takes it again',
    focus: ['pause-in-run', 'second-agent'],
    edits: [edit('sync/agent.ts', 'if (seat.keeper.lost()) await this.#retakeLease(seat);', '')],
  },
  {
    id: 'storage-error-ends',
    says: 'an account whose run could not be written is not synced again',
    focus: ['disk-full', 'disk-write-error'],
    edits: [
      edit(
        'sync/agent.ts',
        'seat.heldTicks = Math.min(HELD_TICKS_MAX, 2 ** Math.min(seat.throwsInARow, 10));',
        'seat.heldTicks = 1e9;',
      ),
    ],
  },
  {
    id: 'stream-only',
    says: 'nothing is read unless the stream says so',
    edits: [
      edit(
        'sync/agent.ts',
        'const due = seat.enabled && monoMs >= seat.dueMonoMs;',
        'const due = seat.enabled && seat.lastRun === null && monoMs >= seat.dueMonoMs;',
      ),
    ],
  },
  {
    id: 'no-budget',
    says: 'a refusal is answered by asking again at once, without end',
    focus: ['refused', 'dns', 'error-500', 'limit-wait'],
    edits: [
      edit(
        'egress/budget.ts',
        'if (waitMs > waitMsMax) return { granted: false, waitMs };',
        'if (waitMs > 0) return { granted: true, waitMs: 0 };',
      ),
      edit('egress/retry.ts', 'attemptsMax: 3,', 'attemptsMax: 300,'),
      edit('egress/retry.ts', 'firstDelayMs: 250,', 'firstDelayMs: 1,'),
      edit('egress/retry.ts', 'delayMsMax: 5_000,', 'delayMsMax: 2,'),
      edit('egress/breaker.ts', 'failuresMax: 5,', 'failuresMax: 5_000,'),
    ],
  },
  {
    id: 'redirect-followed',
    says: 'whatever host an address names is asked',
    edits: [
      edit(
        'egress/table.ts',
        "return isScheme(url, row.method, false) && url.port === '' && row.hosts.includes(url.hostname);",
        "return url.hostname !== '';",
      ),
      edit(
        'egress/table.ts',
        "get('alpaca', ALPACA_TRADING, /^\\/v2\\/clock$/, 'market clock'),",
        "get('alpaca', ALPACA_TRADING, /^\\/v2\\/clock$|^\\/v2\\/watchlists$/, 'market clock'),",
      ),
      edit(
        'brokers/alpaca/client.ts',
        "const { json, sha256 } = await reading.get('account', 'trading', '/v2/account');",
        "await reading.find('watchlists', 'trading', '/v2/watchlists').catch(() => null);\n  const { json, sha256 } = await reading.get('account', 'trading', '/v2/account');",
      ),
    ],
  },
  {
    id: 'secret-in-error',
    says: 'an error repeats the key it was refused with',
    focus: ['error-500', 'error-404', 'error-503', 'expired'],
    edits: [
      edit(
        'brokers/alpaca/reading.ts',
        'const message = `Alpaca answered ${status} for ${resource}${words}${requestIdText(requestId)}.`;',
        "const message = `Alpaca answered ${status} for ${resource}${words}${requestIdText(requestId)} (${arguments.length > 3 ? lastHeaders : ''}).`;",
      ),
      edit('brokers/alpaca/reading.ts', 'function parseBody(', "let lastHeaders = '';\nfunction parseBody("),
      edit(
        'brokers/alpaca/reading.ts',
        'headers: connection.headers(),',
        'headers: ((lastHeaders = JSON.stringify(connection.headers())), connection.headers()),',
      ),
    ],
  },
  {
    id: 'number-kept',
    says: 'answers are kept with the account number in them',
    edits: [
      edit(
        'brokers/alpaca/reading.ts',
        'body: redactor.redact(answer.body, resource, answer.status !== 200),',
        'body: answer.body,',
      ),
    ],
  },
  {
    id: 'float-money',
    says: 'money is kept in binary floating point',
    edits: [
      edit(
        'brokers/alpaca/map.ts',
        'amount: multiplierKnown ? quantity.times(wire.price).times(instrument.multiplier).negate() : null,',
        'amount: multiplierKnown ? Decimal.parse(String(-Number(quantity.toString()) * Number(wire.price.toString()) * Number(instrument.multiplier.toString()) * (1 + 1e-15))) : null,',
      ),
    ],
  },
];

/** How much more often the faults of a focus strike. */
const FOCUSED = 6;

/** What the seed at a place, from 0, is like for a wrong design: a rare meeting wants its own mix of faults, not ten times the seeds. */
export function seedsOf(mutant: Mutant, place: number): Partial<SeedOrder> {
  const { focus, profile, accounts, rare } = mutant;
  return {
    ...(rare === undefined ? {} : { seed: rare.seed + place, hours: rare.hours }),
    ...(focus === undefined
      ? {}
      : { only: focus, intensity: rare === undefined ? FOCUSED : (rare.intensity ?? 1) }),
    ...(profile === undefined ? {} : { profile }),
    ...(accounts === undefined ? {} : { accounts }),
  };
}
