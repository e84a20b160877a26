/**
 * A small world around the dispatcher: GitHub gives jobs to any idle runner whose labels and scope allow it, runners
 * boot, fail, are lost and end, hosts come and go, and every message takes its time. Jobs and runners behave as
 * `workflows/github-job.ts` and `workflows/runner.ts` do.
 */

import { nextMove } from '../../../jobs/attempts.js';
import type { FailureType } from '../../../jobs/failures.js';
import { scopeAdmits } from '../../../jobs/scope.js';
import type { Ask, RunnerReport } from '../../../placement/messages.js';
import { applyAsk, applyJobEnded, applyJobStarted, applyRunnerReport } from '../../../placement/pairing.js';
import { applyHostLost, applyHostReport } from '../../../placement/hosts-heard.js';
import { T0 } from '../fixtures.js';
import { newHosts, newJob, newSimRunner, reportOf } from './actors.js';
import type { Host, Job, News, Runner } from './actors.js';
import type { Chance } from './chance.js';
import { createDispatcher } from './dispatcher.js';
import { createPost } from './post.js';

const ASK_INTERVAL_MS = 60_000;
/** Nothing takes longer on its way than this. */
const LONGEST_WAY_MS = 20_000;
/** Attempts are never used up here: every job must be served. */
const RETRY_ATTEMPTS = 1_000_000;

export type World = ReturnType<typeof createWorld>;

export function createWorld() {
  let now = T0;
  let lastId = 0;
  let lastRepeat = T0;
  let refusals = 0;
  const jobs = new Map<number, Job>();
  const runners = new Map<string, Runner>();
  const hosts = newHosts();
  const post = createPost();
  const dispatcher = createDispatcher({
    now: () => now,
    granted: (jobId, grant) => tellJob(jobId, { kind: 'granted', grant }),
    paired: (jobId, change) => tellJob(jobId, { kind: 'paired', change }),
    waits: (jobId, reason) => {
      const job = openJob(jobId);
      if (job !== undefined && job.runner === null) job.reason = reason;
      return job !== undefined;
    },
    meantFor: (name) => {
      const runner = openRunner(name);
      if (runner !== undefined && runner.works !== null) tellOfRunner(runner, 'serving');
      return runner !== undefined;
    },
    retire: (name) => {
      const runner = openRunner(name);
      if (runner !== undefined) runner.isRetired = true;
      return runner !== undefined;
    },
  });

  const openJob = (id: number): Job | undefined => [jobs.get(id)].find((job) => job?.isClosed === false);
  const openRunner = (name: string): Runner | undefined =>
    [runners.get(name)].find((runner) => runner !== undefined && runner.phase !== 'closed');
  const hostOf = (runner: Runner): Host | undefined => hosts.find((host) => host.name === runner.host);

  function tellJob(id: number, news: News): boolean {
    const job = openJob(id);
    job?.news.push(news);
    return job !== undefined;
  }

  // GitHub.

  function queueJob(repo: string, labels: readonly string[]): Job {
    lastId += 1;
    const job = newJob(lastId, repo, labels, now);
    jobs.set(job.id, job);
    return job;
  }

  /** The idle runners that GitHub may give this job to. */
  const idleFor = (job: Job): Runner[] =>
    [...runners.values()].filter(
      (runner) =>
        runner.phase === 'idle' &&
        runner.works === null &&
        !runner.hasExited &&
        hostOf(runner)?.isUp === true &&
        job.labels.every((label) => runner.labels.includes(label)) &&
        scopeAdmits(runner.slot.scope, 'acme', job.repo),
    );

  function begin(job: Job, runnerName: string, isHeard: boolean): void {
    job.state = 'in_progress';
    job.runsOn = runnerName;
    const runner = runners.get(runnerName);
    if (runner !== undefined) runner.works = job.id;
    if (isHeard) post.send(`github→${job.id}→begin`, now, () => hearTruth(job, 'in_progress'));
  }

  function complete(job: Job): void {
    job.state = 'completed';
    const runner = job.runsOn === null ? undefined : runners.get(job.runsOn);
    if (runner !== undefined) runner.hasExited = true;
    post.send(`github→${job.id}→end`, now, () => hearTruth(job, 'completed'));
  }

  // The job's workflow.

  function hearTruth(job: Job, state: Job['state']): void {
    if (job.isClosed) return;
    job.servedBy = state === 'queued' ? job.servedBy : (job.runsOn ?? job.servedBy);
    if (job.known !== 'completed' && state !== 'queued') job.known = state;
  }

  const isWaiting = (job: Job): boolean => job.isOurs && job.known === 'queued' && !job.isClosed;

  function stepJob(job: Job): void {
    if (job.isClosed) return;
    if (isWaiting(job)) {
      // A job that pauses before it asks again hears nothing meanwhile but that it began or ended.
      if (now < job.pausedUntil) return;
      const news = job.news.splice(0);
      news.forEach((item) => follow(job, item));
      if (news.length > 0 && job.runner === null) job.nextAskAt = now;
      if (isWaiting(job) && now >= Math.max(job.nextAskAt, job.pausedUntil)) sayAsk(job);
    }
    if (job.known === 'in_progress' && !job.isTold) sayStarted(job);
    if (job.known === 'completed') settle(job);
  }

  function follow(job: Job, news: News): void {
    if (!isWaiting(job)) return;
    if (news.kind === 'granted') {
      const { runner: name, host, slot } = news.grant;
      job.attempts += 1;
      job.runner = { name, host, slot: slot.name };
      runners.set(name, newSimRunner(news.grant, job.labels));
      return;
    }
    const { change } = news;
    job.standing = change.standing;
    if (change.kind === 'swapped') job.runner = { name: change.runner, host: change.host, slot: change.slot };
    else if (change.kind !== 'unplaceable' && job.runner?.name === change.runner) {
      job.runner = null;
      job.reason = `its runner was ${change.kind}`;
      if (change.kind === 'ended') decide(job, change.failure?.type ?? null, change.host);
    }
  }

  function decide(job: Job, failure: FailureType | null, host: string): void {
    const move = nextMove(job.trouble, failure, RETRY_ATTEMPTS);
    if (move.kind === 'give-up') throw new Error(`job ${job.id} was given up after ${failure}`);
    job.trouble = move.trouble;
    if (move.avoidHost) job.avoid = [...new Set([...job.avoid, host])];
    job.pausedUntil = now + move.pauseMs;
    if (failure !== null && failure !== 'SlotRefused') hearTruth(job, job.state);
  }

  function sayAsk(job: Job): void {
    job.nextAskAt = now + ASK_INTERVAL_MS;
    const ask: Ask = {
      job: { owner: 'acme', repo: job.repo, jobId: job.id },
      workflowId: `job/${job.id}`,
      namePrefix: 'berth',
      labels: job.labels,
      template: 'x',
      tag: 'latest',
      createdAt: job.createdAt,
      standing: job.standing,
      made: job.attempts,
      avoid: job.avoid,
      runner: job.runner,
    };
    post.send(`job ${job.id}`, now, () => dispatcher.hear((fleet) => applyAsk(fleet, ask, now)));
  }

  function sayStarted(job: Job): void {
    job.isTold = true;
    const { servedBy } = job;
    if (servedBy === null) return;
    const started = { jobId: job.id, runner: servedBy, foreign: !job.isOurs };
    post.send(`job ${job.id}`, now, () => dispatcher.hear((fleet) => applyJobStarted(fleet, started)));
    const runner = openRunner(servedBy);
    if (runner !== undefined) runner.serves = job.id;
  }

  function settle(job: Job): void {
    job.isClosed = true;
    const ended = { jobId: job.id, runner: job.servedBy };
    post.send(`job ${job.id}`, now, () => dispatcher.hear((fleet) => applyJobEnded(fleet, ended)));
    const runner = job.servedBy === null ? undefined : openRunner(job.servedBy);
    if (runner !== undefined && (runner.serves === null || runner.serves === job.id)) runner.isOver = true;
  }

  // The runner's workflow.

  function tellOfRunner(runner: Runner, phase: RunnerReport['phase'], vmGone = false): void {
    const failure = runner.failure === null ? null : { type: runner.failure, message: 'as the model wills' };
    const said: RunnerReport = { runner: runner.name, phase, vmGone, failure };
    post.send(`runner ${runner.name}`, now, () => dispatcher.hear((fleet) => applyRunnerReport(fleet, said, now)));
  }

  /** It goes without having finished a job: GitHub takes it off its list at once, and so gives it none any more. */
  function close(runner: Runner, failure: FailureType | null): void {
    runner.failure = failure;
    runner.phase = 'closing';
    tellOfRunner(runner, 'ending');
    const job = runner.works === null ? undefined : jobs.get(runner.works);
    if (job?.state === 'in_progress') complete(job);
  }

  function stepRunner(runner: Runner): void {
    const host = hostOf(runner);
    if (host === undefined || runner.phase === 'closed') return;
    if (runner.phase === 'closing') return takeDown(runner, host);
    if (runner.hasExited || runner.isOver) {
      runner.phase = 'closing';
      return;
    }
    if (runner.works !== null) {
      if (runner.isRetired && !runner.saidServing) tellOfRunner(runner, 'serving');
      runner.saidServing ||= runner.isRetired;
      return;
    }
    if (runner.isRetired) return close(runner, null);
    if (!host.isUp) return close(runner, 'HostLost');
    if (runner.phase === 'new') return hold(runner, host);
    if (runner.phase === 'held') runner.phase = 'idle';
  }

  function hold(runner: Runner, host: Host): void {
    const isFull = host.vms.size >= Math.min(host.slots.length, host.vmLimit);
    const isTaken = isFull || [...host.vms.values()].includes(runner.slot.name);
    if (isTaken) {
      refusals += 1;
      return close(runner, 'SlotRefused');
    }
    host.vms.set(runner.name, runner.slot.name);
    runner.phase = 'held';
    tellOfHost(host);
  }

  /** A host that is away destroys the VM when it is back. */
  function takeDown(runner: Runner, host: Host): void {
    if (host.isUp && host.vms.delete(runner.name)) tellOfHost(host);
    runner.phase = 'closed';
    tellOfRunner(runner, 'ended', host.isUp);
  }

  // Hosts.

  function tellOfHost(host: Host): void {
    host.sequence += 1;
    repeatReport(host);
  }

  function repeatReport(host: Host): void {
    const said = reportOf(host);
    post.send(`host ${host.name}`, now, () => dispatcher.hear((fleet) => applyHostReport(fleet, said, now)));
  }

  function loseHost(host: Host): void {
    host.isUp = false;
    const lost = { host: host.name, sessionId: `session-${host.session}` };
    post.send(`host ${host.name}`, now, () => dispatcher.hear((fleet) => applyHostLost(fleet, lost)));
  }

  /** It is back, the agent perhaps started anew: it destroys the VMs whose workflow is closed. */
  function returnHost(host: Host, isNewSession: boolean): void {
    host.isUp = true;
    if (isNewSession) {
      host.session += 1;
      host.sequence = 0;
    }
    for (const name of host.vms.keys()) if (openRunner(name) === undefined) host.vms.delete(name);
    tellOfHost(host);
  }

  // People.

  /** An operator terminates a runner's workflow: its host sees to the VM, and the job it was made for tells of it. */
  function terminateRunner(runner: Runner): void {
    const host = hostOf(runner);
    runner.phase = 'closed';
    const job = runner.works === null ? undefined : jobs.get(runner.works);
    if (job?.state === 'in_progress') complete(job);
    if (host?.isUp === true && host.vms.delete(runner.name)) tellOfHost(host);
    tellOfRunner(runner, 'ended');
  }

  /** An operator terminates a job's workflow, and cancels the job on GitHub without anybody hearing of it. */
  function terminateJob(job: Job): void {
    job.isClosed = true;
    job.state = 'completed';
  }

  // Time.

  /** Nothing of Berth's runs for so long: longer than the pauses that the dispatcher itself makes. */
  function sleep(ms: number): void {
    now += ms;
  }

  /** Workflows are not idle while seconds go by: what they were told, they have acted upon by then. */
  function pass(ms: number, chance: Chance): void {
    for (const job of jobs.values()) if (job.news.length > 0) stepJob(job);
    for (const runner of runners.values()) if (runner.phase === 'new') stepRunner(runner);
    post.deliverSentBefore(now + ms - LONGEST_WAY_MS, chance);
    dispatcher.pass();
    now += ms;
    if (now - lastRepeat < ASK_INTERVAL_MS) return;
    lastRepeat = now;
    for (const host of hosts) if (host.isUp) repeatReport(host);
  }

  for (const host of hosts) tellOfHost(host);
  return {
    jobs,
    runners,
    hosts,
    post,
    dispatcher,
    now: () => now,
    refusals: () => refusals,
    queueJob,
    idleFor,
    begin,
    complete,
    hearTruth,
    stepJob,
    stepRunner,
    fail: close,
    terminateRunner,
    terminateJob,
    sleep,
    loseHost,
    returnHost,
    pass,
    isWaiting,
  };
}
