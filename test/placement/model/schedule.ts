/** What may happen next in the world, chosen by a number; and how the world comes to rest. */

import type { Chance } from './chance.js';
import { createChance } from './chance.js';
import type { Host, Job, Runner } from './actors.js';
import type { World } from './world.js';

const LABELS = {
  plain: ['anka-template:x', 'self-hosted'],
  big: ['anka-template:x', 'self-hosted', 'big'],
  other: ['anka-template:y', 'self-hosted'],
  foreign: ['self-hosted'],
};

/** How often each kind of thing happens, and what it is. */
type Action = readonly [weight: number, act: (world: World, chance: Chance) => unknown];

const jobsThat = (world: World, test: (job: Job) => boolean): Job[] => [...world.jobs.values()].filter(test);
const runnersThat = (world: World, test: (runner: Runner) => boolean): Runner[] =>
  [...world.runners.values()].filter(test);

const ACTIONS: readonly Action[] = [
  [5, queueSome],
  [40, (world, chance) => times(chance, 3, () => world.post.deliverOne(chance))],
  [30, (world, chance) => times(chance, 3, () => withOne(chance, openJobs(world), world.stepJob))],
  [30, (world, chance) => times(chance, 3, () => withOne(chance, liveRunners(world), world.stepRunner))],
  [30, (world, chance) => startOne(world, chance, chance.oneIn(10))],
  [12, (world, chance) => withOne(chance, jobsThat(world, hasState('in_progress')), world.complete)],
  [1, (world, chance) => withOne(chance, jobsThat(world, hasState('queued')), world.complete)],
  [1, (world, chance) => withOne(chance, jobsThat(world, hasState('queued')), (job) => loseToOthers(world, job))],
  [3, failOne],
  [1, (world, chance) => withOne(chance, hostsThatAre(world, true), world.loseHost)],
  [
    4,
    (world, chance) => withOne(chance, hostsThatAre(world, false), (host) => world.returnHost(host, chance.oneIn(2))),
  ],
  [1, (world, chance) => withOne(chance, liveRunners(world), world.terminateRunner)],
  [1, (world, chance) => withOne(chance, jobsThat(world, isOurQueued), world.terminateJob)],
  [1, (world, chance) => chance.oneIn(3) && world.sleep(1_000 * (40 + chance.below(1_200)))],
  [8, (world, chance) => world.pass(1_000 * (1 + chance.below(20)), chance)],
];

const hasState =
  (state: Job['state']) =>
  (job: Job): boolean =>
    job.state === state;

const isOurQueued = (job: Job): boolean => job.isOurs && job.state === 'queued' && !job.isClosed;
const openJobs = (world: World): Job[] => jobsThat(world, (job) => !job.isClosed);
const liveRunners = (world: World): Runner[] => runnersThat(world, (runner) => runner.phase !== 'closed');
const hostsThatAre = (world: World, isUp: boolean): Host[] => world.hosts.filter((host) => host.isUp === isUp);
const loseToOthers = (world: World, job: Job): void => world.begin(job, 'a-mac-of-others', true);

function times(chance: Chance, most: number, act: () => void): void {
  for (let n = chance.below(most); n >= 0; n -= 1) act();
}

function withOne<T>(chance: Chance, list: readonly T[], act: (one: T) => void): void {
  const one = chance.pick(list);
  if (one !== undefined) act(one);
}

function queueSome(world: World, chance: Chance): void {
  const repo = chance.oneIn(2) ? 'ios' : 'web';
  const labels = chance.pick([LABELS.plain, LABELS.plain, LABELS.big, LABELS.other, LABELS.foreign]) ?? LABELS.plain;
  for (let n = chance.below(3); n >= 0; n -= 1) world.queueJob(repo, labels);
}

function startOne(world: World, chance: Chance, isLost: boolean): void {
  withOne(
    chance,
    jobsThat(world, (job) => job.state === 'queued' && world.idleFor(job).length > 0),
    (job) => withOne(chance, world.idleFor(job), (runner) => world.begin(job, runner.name, !isLost || !job.isOurs)),
  );
}

function failOne(world: World, chance: Chance): void {
  const mayFail = runnersThat(world, ({ phase }) => phase === 'held' || phase === 'idle' || phase === 'new');
  withOne(chance, mayFail, (runner) => {
    if (runner.works !== null && !chance.oneIn(4)) return;
    world.fail(runner, runner.works !== null ? 'VmGone' : runner.phase === 'idle' ? 'NotPickedUp' : 'CommandFailed');
  });
}

/** One thing happens; the dispatcher sees to it at once, or, one time in four, only after the next. */
export function happen(world: World, seed: number): void {
  const chance = createChance(seed);
  let left = chance.below(ACTIONS.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, act] of ACTIONS) {
    left -= weight;
    if (left >= 0) continue;
    act(world, chance);
    break;
  }
  if (!chance.oneIn(4)) world.dispatcher.pass();
}

/** All that can happen without GitHub, failures or people: messages arrive, VMs boot or go, jobs ask again. */
export function comeToRest(world: World): void {
  const chance = createChance(1);
  for (const host of world.hosts) if (!host.isUp) world.returnHost(host, true);
  // Long enough for an ask that nobody repeats to expire, and for what follows from that.
  for (let round = 0, quiet = 0; quiet < 14; round += 1) {
    if (round > 200) throw new Error('the world does not come to rest');
    const wasQuiet = settleOnce(world, chance);
    quiet = wasQuiet ? quiet + 1 : 0;
    world.pass(20_000, chance);
  }
}

function settleOnce(world: World, chance: Chance): boolean {
  for (const job of world.jobs.values()) {
    if (job.state !== 'queued') world.hearTruth(job, job.state);
    world.stepJob(job);
  }
  for (const runner of world.runners.values()) world.stepRunner(runner);
  while (world.post.deliverOne(chance)) if (chance.oneIn(3)) world.dispatcher.pass();
  for (let n = 0; n < 10 && world.dispatcher.hasWork(); n += 1) world.dispatcher.pass();
  const isMoving = runnersThat(world, ({ phase }) => phase !== 'idle' && phase !== 'closed').length > 0;
  const isUnheard = jobsThat(
    world,
    (job) => world.isWaiting(job) && (job.news.length > 0 || world.now() < job.pausedUntil),
  );
  return !isMoving && isUnheard.length === 0 && !world.dispatcher.hasWork();
}

/** GitHub goes on until it has nothing left to do; no host fails any more, and idle runners give up after a while. */
export function playToTheEnd(world: World): void {
  const chance = createChance(2);
  for (const job of jobsThat(world, ({ isOurs, state }) => !isOurs && state !== 'completed')) world.complete(job);
  const isOpen = (job: Job): boolean => job.state !== 'completed';
  for (let round = 0; jobsThat(world, isOpen).length > 0; round += 1) {
    if (round > 150) return;
    comeToRest(world);
    for (const job of jobsThat(world, ({ state }) => state === 'in_progress')) world.complete(job);
    for (const job of jobsThat(world, ({ state }) => state === 'queued')) {
      const idle = chance.pick(world.idleFor(job));
      if (idle !== undefined) world.begin(job, idle.name, true);
    }
    if (round % 5 === 4) giveUpIdleRunners(world);
  }
  comeToRest(world);
}

/** GitHub gave them no job in time, so they go by themselves. */
export function giveUpIdleRunners(world: World): void {
  const idle = runnersThat(world, ({ phase, works }) => phase === 'idle' && works === null);
  for (const runner of idle) world.fail(runner, 'NotPickedUp');
}
