import { describe, expect, it } from 'vitest';
import { failureOf, useBench } from './support.js';

const RUN = 'GET /repos/acme/ios/actions/runs/9';
const REF = { owner: 'acme', repo: 'ios', runId: 9 };

const b = useBench();

const run = (event: string, head: string | null): object => ({
  id: 9,
  event,
  repository: { full_name: 'acme/ios' },
  head_repository: head === null ? null : { full_name: head },
});

describe('where a run comes from', () => {
  it.each([
    ['a push', run('push', 'acme/ios'), null],
    ["a pull request of the repository's own branch", run('pull_request', 'Acme/iOS'), null],
    ['a pull request of a fork', run('pull_request', 'stranger/ios'), 'stranger/ios'],
    ['a pull request that runs the base’s workflow', run('pull_request_target', 'stranger/ios'), 'stranger/ios'],
    ['a review', run('pull_request_review', 'stranger/ios'), 'stranger/ios'],
    ['a review’s comment', run('pull_request_review_comment', 'stranger/ios'), 'stranger/ios'],
    ['a pull request whose fork is deleted', run('pull_request', null), 'a fork that is deleted'],
    ['what follows a workflow of a fork runs the repository’s own code', run('workflow_run', 'stranger/ios'), null],
  ])('%s', async (_what, body, fork) => {
    b.server.on(RUN, { body });
    expect(await b.github.originOfRun(REF)).toEqual({ fork });
  });

  it('is asked once for all jobs of a run', async () => {
    b.server.on(RUN, { body: run('push', 'acme/ios') });
    await Promise.all([b.github.originOfRun(REF), b.github.originOfRun({ ...REF, owner: 'Acme' })]);
    await b.github.originOfRun(REF);
    expect(b.server.calls(RUN)).toHaveLength(1);
  });

  it.each([
    [{ status: 500 }, 'GitHubUnavailable'],
    [{ status: 404 }, 'GitHubRefused'],
    [{ body: { event: 'push' } }, 'GitHubUnavailable'],
  ] as const)('is not known when GitHub answers %j, and is asked again', async (reply, type) => {
    b.server.on(RUN, reply, { body: run('push', 'acme/ios') });
    expect(await failureOf(b.github.originOfRun(REF))).toMatchObject({ type });
    expect(await b.github.originOfRun(REF)).toEqual({ fork: null });
  });
});
