/** Has GitHub run a job again. */

import type { Logger } from 'pino';
import { z } from 'zod';
import { jobsSchema, parseAnswer } from './answers.js';
import { firstInPages } from './pages.js';
import { CANCEL_RUNS } from './rights.js';
import { listJobsOfRun, lookUpRun } from './run-calls.js';
import type { Session } from './session.js';
import type { Sessions } from './sessions.js';

export interface JobToRepeat {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
  readonly jobId: number;
  readonly runAttempt: number;
  /** The job's name: in another attempt of the run the same job has another id. */
  readonly name: string;
}

export interface Reruns {
  /**
   * Runs a job of a run's first attempt again, once, as soon as the run is over: GitHub refuses before (REST "Re-run a
   * job from a workflow run"). A second call finds the job in a later attempt and does nothing.
   */
  rerunJob(input: JobToRepeat): Promise<'not-yet' | 'rerun' | 'already' | 'refused'>;
}

const runSchema = z.object({ status: z.string().nullish(), run_attempt: z.number().int().default(1) });

export function createReruns({ sessions, log }: { readonly sessions: Sessions; readonly log: Logger }): Reruns {
  const rerunJob: Reruns['rerunJob'] = async (input) => {
    // A job that was repeated before, by us or by a person, is not repeated again.
    if (input.runAttempt > 1) return 'already';
    const { owner, repo, jobId } = input;
    const session = await sessions.forScope({ kind: 'repo', owner, repo });
    const state = await stateOf(session, input);
    if (state !== 'may-repeat') return state;
    const what = `run the job ${jobId} of ${owner}/${repo} again`;
    const route = 'POST /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun';
    const params = { owner, repo, job_id: jobId };
    const call = { route, params, what, right: CANCEL_RUNS, accept: [403, 404], purpose: 'removal' as const };
    const { status } = await session.call(call);
    if (status < 400) return 'rerun';
    // 403 is its answer for missing rights, and for a run of which another job was repeated a moment ago.
    const now = await stateOf(session, input);
    if (now !== 'may-repeat') return now;
    const { credential } = session;
    log.warn({ owner, repo, jobId, status, credential, needs: CANCEL_RUNS }, 'github refused to run a job again');
    return 'refused';
  };
  return { rerunJob };
}

async function stateOf(session: Session, job: JobToRepeat): Promise<'may-repeat' | 'not-yet' | 'already' | 'refused'> {
  const { jobId, runAttempt, name } = job;
  const look = lookUpRun(job);
  const answer = await session.call({ ...look, accept: [404] });
  if (answer.status === 404) return 'refused';
  const run = parseAnswer(runSchema, answer, look.what);
  if (run.run_attempt > runAttempt) {
    // Perhaps only another job of this run was repeated.
    const list = listJobsOfRun(job, 'all');
    const later = await firstInPages(
      session,
      list,
      (page) => parseAnswer(jobsSchema, page, list.what).jobs,
      (jobs) => jobs.find((other) => other.name === name && other.id !== jobId && other.run_attempt > runAttempt),
    );
    if (later !== undefined) return 'already';
  }
  return run.status === 'completed' ? 'may-repeat' : 'not-yet';
}
