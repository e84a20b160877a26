/** One job: hooks, the pretended work, cancellation, the result. */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { home, openLog } from './files.mjs';
import { callUntilAnswered } from './http.mjs';

/** Works on the job; `{deregistered}` when it is over, `not ours` when it was taken away, `gone` when we are. */
export async function workOn(job, runner) {
  const { server, stop, behaviour } = runner;
  const log = openLog('Worker');
  const url = `${server.base}/jobs/${job.jobId}`;
  const started = await callUntilAnswered('POST', `${url}/started`, { ...server.options, signal: stop });
  if (started.status === 409) return 'not ours';
  if (started.status !== 200) return 'gone';
  console.log(`${new Date().toISOString()}: Running job: ${job.name}`);
  log(`job ${job.jobId} of ${job.owner}/${job.repo}: ${job.name}`);
  if (behaviour.crashAfterMs !== undefined)
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), behaviour.crashAfterMs);
  const conclusion = await steps(job, runner, url, log);
  if (stop.aborted) return 'stopped';
  const done = await callUntilAnswered('POST', `${url}/completed`, { ...server.options, body: { conclusion } });
  console.log(`${new Date().toISOString()}: Job ${job.name} completed with result: ${capital(conclusion)}`);
  log(`job ${job.jobId} ended: ${conclusion}`);
  return { deregistered: done.body.deregistered === true };
}

/** Hook, work, hook. A failing hook fails the job; the second one runs in any case. */
async function steps(job, runner, url, log) {
  const folder = join(home, runner.config.workFolder, job.repo, job.repo);
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, ...job.env, GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: folder, CI: 'true' };
  const over = new AbortController();
  const told = watchTold(url, runner, over.signal);
  let conclusion = job.conclusion;
  if (!(await hook('ACTIONS_RUNNER_HOOK_JOB_STARTED', env, folder, log))) conclusion = 'failure';
  else if (await isCancelled(told, job.durationMs, runner.stop)) conclusion = 'cancelled';
  over.abort();
  if (runner.stop.aborted) return 'failure';
  const good = await hook('ACTIONS_RUNNER_HOOK_JOB_COMPLETED', env, folder, log);
  return good || conclusion !== 'success' ? conclusion : 'failure';
}

/** True when it is cancelled before it is over, by its time or by being told. A stopped runner waits no longer either. */
function isCancelled(told, durationMs, stop) {
  return new Promise((resolve) => {
    const timer = durationMs === null ? undefined : setTimeout(() => resolve(false), durationMs);
    const end = (result) => {
      clearTimeout(timer);
      resolve(result);
    };
    void told.then((what) => what !== undefined && end(what === 'cancelled'));
    if (stop.aborted) end(false);
    stop.addEventListener('abort', () => end(false), { once: true });
  });
}

/** Polls until the job is `cancelled` or `finished`, or `over` (undefined): the polls are the job's heartbeat, too. */
async function watchTold(url, runner, over) {
  const signal = AbortSignal.any([over, runner.stop]);
  while (!signal.aborted) {
    try {
      const reply = await callUntilAnswered('GET', `${url}/cancelled?waitMs=5000`, {
        ...runner.server.options,
        signal,
      });
      if (reply.body.cancelled === true) return 'cancelled';
      if (reply.body.finished === true) return 'finished';
      if (reply.status !== 200) return undefined;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** Runs the hook that `variable` names, with bash; true when there is none, or it ended with 0. */
function hook(variable, env, cwd, log) {
  const script = process.env[variable];
  if (script === undefined || script === '') return Promise.resolve(true);
  if (!existsSync(script)) {
    log(`${variable}: ${script} does not exist`);
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const child = spawn('bash', [script], { env, cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => {
      log(`${variable} ended with ${code}`);
      resolve(code === 0);
    });
  });
}

const capital = (word) => word[0].toUpperCase() + word.slice(1);
