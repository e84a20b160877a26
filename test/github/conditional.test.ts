import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeptAnswers } from '../../github/conditional.js';
import { createGate } from '../../github/gate.js';
import { createHttp } from '../../github/http.js';
import type { HttpAnswer } from '../../github/http.js';
import { firstInPages } from '../../github/pages.js';
import { createSession } from '../../github/session.js';
import type { GitHubCall, Session } from '../../github/session.js';
import { unshared } from '../../github/sharing.js';
import { fakeClock, fakeGitHub } from './support.js';
import type { Asked, FakeGitHub, Reply } from './support.js';

const log = pino({ level: 'silent' });
const LIST = 'GET /repos/acme/ios/actions/runs';

let server: FakeGitHub;
let session: Session;
beforeEach(async () => {
  server = await fakeGitHub();
  const clock = fakeClock();
  const by = { header: 'token t', secret: 't', fresh: false };
  session = createSession({
    credential: 'c',
    authorizer: { get: async () => by },
    gate: createGate({ credential: 'c', clock, log }),
    http: createHttp({ apiUrl: server.url, version: '1', timeoutMs: 2_500, log }),
    clock,
    shared: unshared('c', () => undefined),
    answers: createKeptAnswers(),
  });
});
afterEach(() => server.close());

const call = (more: Partial<GitHubCall> = {}): GitHubCall => ({
  route: 'GET /repos/{owner}/{repo}/actions/runs',
  params: { owner: 'acme', repo: 'ios', page: 1 },
  what: 'list runs',
  right: 'some right',
  conditional: true,
  ...more,
});

/** As GitHub: 304 to who has it already. */
const tagged =
  (etag: string, body: unknown) =>
  ({ headers }: Asked): Reply =>
    headers['if-none-match'] === etag ? { status: 304, headers: { etag } } : { headers: { etag }, body };

const isConditional = ({ headers }: Asked): boolean => 'if-none-match' in headers;

describe('a conditional call', () => {
  it('is answered from memory while nothing changed, and anew when something did', async () => {
    server.on(LIST, tagged('"a"', { n: 1 }), tagged('"a"', { n: 1 }), tagged('"b"', { n: 2 }));
    expect(await session.call(call())).toMatchObject({ status: 200, data: { n: 1 } });
    const second = await session.call(call());
    expect(second).toMatchObject({ status: 200, data: { n: 1 }, unchanged: true });
    const third = await session.call(call());
    expect(third).toMatchObject({ status: 200, data: { n: 2 } });
    expect(third.unchanged).toBeUndefined();
    expect(server.asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"a"', '"a"']);
  });

  it('is another one with other parameters, and none without the option', async () => {
    server.on(LIST, tagged('"a"', { n: 1 }));
    await session.call(call());
    await session.call(call({ params: { owner: 'acme', repo: 'ios', page: 2 } }));
    await session.call(call({ conditional: false }));
    expect(server.asked.filter(isConditional)).toHaveLength(0);
    // The order of the parameters is no difference.
    await session.call(call({ params: { page: 1, repo: 'ios', owner: 'acme' } }));
    expect(server.asked.filter(isConditional)).toHaveLength(1);
  });

  it('forgets what is not there any more', async () => {
    server.on(LIST, tagged('"a"', { n: 1 }), { status: 404, headers: { etag: '"x"' } }, tagged('"a"', { n: 1 }));
    await session.call(call());
    await session.call(call({ accept: [404] }));
    expect(await session.call(call())).toMatchObject({ data: { n: 1 } });
    expect(server.asked.map(isConditional)).toEqual([false, true, false]);
  });

  it('goes for each page of a list', async () => {
    const page = Array.from({ length: 100 }, (_, n) => n);
    server.on(LIST, (asked) => {
      const isFirst = new URLSearchParams(asked.url.split('?')[1]).get('page') === '1';
      return isFirst ? tagged('"one"', page)(asked) : tagged('"two"', [100])(asked);
    });
    const all = async (): Promise<number> => {
      let count = 0;
      const read = ({ data }: HttpAnswer): readonly number[] => data as number[];
      await firstInPages(session, call({ params: { owner: 'acme', repo: 'ios' } }), read, (items) => {
        count += items.length;
        return undefined;
      });
      return count;
    };
    expect([await all(), await all()]).toEqual([101, 101]);
    expect(server.asked.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      undefined,
      '"one"',
      '"two"',
    ]);
  });
});

describe('the kept answers', () => {
  const answer = (size: number): HttpAnswer => ({ status: 200, headers: { etag: '"e"' }, data: 'x'.repeat(size - 2) });
  const asked = (n: number) => ({ route: 'GET /x', params: { n } });

  it('are bounded by number and size; what was not asked for lately goes first', () => {
    const kept = createKeptAnswers({ answers: 3, characters: 100 });
    const known = (): readonly number[] => [1, 2, 3, 4, 5].filter((n) => kept.find('c', asked(n)) !== undefined);
    for (const n of [1, 2, 3]) kept.keep('c', asked(n), answer(10));
    kept.find('c', asked(1));
    kept.keep('c', asked(4), answer(10));
    expect(known()).toEqual([1, 3, 4]);
    kept.keep('c', asked(5), answer(95));
    expect(known()).toEqual([5]);
    kept.keep('c', asked(1), answer(101));
    expect(known()).toEqual([5]);
    expect(kept.find('other', asked(5))).toBeUndefined();
  });

  it('are those of GET with 200 and an ETag', () => {
    const kept = createKeptAnswers();
    kept.keep('c', { route: 'POST /x', params: {} }, answer(10));
    kept.keep('c', asked(1), { ...answer(10), status: 201 });
    kept.keep('c', asked(2), { ...answer(10), headers: {} });
    expect([
      kept.find('c', { route: 'POST /x', params: {} }),
      kept.find('c', asked(1)),
      kept.find('c', asked(2)),
    ]).toEqual([undefined, undefined, undefined]);
  });
});
