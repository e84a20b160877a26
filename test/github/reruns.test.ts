import { describe, expect, it } from 'vitest';
import { failureOf, useBench } from './support.js';

const RUN = 'GET /repos/acme/ios/actions/runs/9';
const JOBS = 'GET /repos/acme/ios/actions/runs/9/jobs';
const RERUN = 'POST /repos/acme/ios/actions/jobs/42/rerun';
const LOST = { owner: 'acme', repo: 'ios', jobId: 42, runId: 9, runAttempt: 1, name: 'ui-tests' };

const b = useBench();

const run = (status: string, attempt = 1) => ({ body: { id: 9, status, run_attempt: attempt } });
const job = (id: number, attempt: number, name = 'ui-tests') => ({
  id,
  run_id: 9,
  run_attempt: attempt,
  name,
  status: 'completed',
  labels: [],
});

describe('running a lost job again', () => {
  it('is done once its run is over', async () => {
    b.server.on(RUN, run('in_progress'), run('completed'));
    b.server.on(RERUN, { status: 201, body: {} });
    expect(await b.github.rerunJob(LOST)).toBe('not-yet');
    expect(b.server.calls(RERUN)).toHaveLength(0);
    expect(await b.github.rerunJob(LOST)).toBe('rerun');
    expect(b.server.calls(RERUN)).toHaveLength(1);
  });

  it('is not done a second time, also when the answer to the first was lost', async () => {
    b.server.on(RUN, run('completed'), run('queued', 2));
    b.server.on(RERUN, { fault: 'cut' });
    b.server.on(JOBS, { body: { jobs: [job(42, 1), job(50, 2)] } });
    expect(await failureOf(b.github.rerunJob(LOST))).toMatchObject({ type: 'GitHubUnavailable' });
    expect(await b.github.rerunJob(LOST)).toBe('already');
    expect(b.server.calls(RERUN)).toHaveLength(1);
  });

  it('is done although another job of its run was run again', async () => {
    b.server.on(RUN, run('in_progress', 2), run('completed', 2));
    b.server.on(JOBS, { body: { jobs: [job(42, 1), job(43, 1, 'lint'), job(51, 2, 'lint')] } });
    b.server.on(RERUN, { status: 201, body: {} });
    expect(await b.github.rerunJob(LOST)).toBe('not-yet');
    expect(await b.github.rerunJob(LOST)).toBe('rerun');
  });

  it('is not done for a job that is a repetition, and that costs no call', async () => {
    expect(await b.github.rerunJob({ ...LOST, runAttempt: 2 })).toBe('already');
    expect(b.server.asked).toHaveLength(0);
  });

  it('waits when GitHub refuses because its run began anew a moment ago', async () => {
    b.server.on(RUN, run('completed'), run('queued', 2));
    b.server.on(JOBS, { body: { jobs: [job(42, 1), job(51, 2, 'lint')] } });
    b.server.on(RERUN, { status: 403, body: { message: 'This workflow is already running' } });
    expect(await b.github.rerunJob(LOST)).toBe('not-yet');
  });

  it('is refused without the right, and the log names that right', async () => {
    b.server.on(RUN, run('completed'));
    b.server.on(RERUN, { status: 403, body: { message: 'Resource not accessible' } });
    expect(await b.github.rerunJob(LOST)).toBe('refused');
    expect(b.logged()).toContain('Actions: read and write');
  });

  it('is refused when the run is gone', async () => {
    b.server.on(RUN, { status: 404, body: { message: 'Not Found' } });
    expect(await b.github.rerunJob(LOST)).toBe('refused');
  });
});
