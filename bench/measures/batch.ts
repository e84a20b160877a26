/**
 * Thirty jobs of one second on two slots, queued at once: what a job costs beyond its own time and its VM's. The VM's
 * commands take as long as they did when anklet was measured.
 */

import type { AnkaCall } from '../../simulators/anka/host.js';
import type { SimJob } from '../../simulators/github/types.js';
import type { Stack } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import type { Measure, Outcome, Rig, SimulatorTime } from '../measure.js';
import { ankaCalls, callsAbout, operationOf, stepAt, untilIdle } from '../observe.js';
import type { Row } from '../row.js';
import { coveredMs, overheadMs } from '../statistics.js';

const JOBS = 30;
const SLOTS = 2;
const JOB_MS = 1_000;

/** anklet had done 14 of 30 with equal labels after 486 s. */
const GIVE_UP_MS = 120_000;

const DELAYS = { clone: 50, start: 200, delete: 50 };

const OVERHEAD = { unit: 's', judged: 'worst', goal: { direction: 'at most', must: 0.5, aim: 0.15 } } as const;

interface Labelled {
  readonly labels: (index: number) => readonly string[];
}

interface BatchRun {
  readonly done: number;
  /** Undefined unless all jobs were done: there is no last one. */
  readonly overheadSeconds: number | undefined;
  readonly wallSeconds: number;
  readonly simulators: readonly SimulatorTime[];
}

/** Ends with the VM's runner: its length is that of the job. */
const isWatch = ({ argv }: AnkaCall): boolean => argv.some((word) => word.endsWith('berth-guest.bash watch'));

const isStartOfRunner = ({ argv }: AnkaCall): boolean => argv.some((word) => word.endsWith('berth-guest.bash start'));

async function runBatch(stack: Stack, { labels }: Labelled): Promise<BatchRun> {
  const startedAt = Date.now();
  const jobs = Array.from({ length: JOBS }, (_, index) =>
    stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labels(index), durationMs: JOB_MS }),
  );
  const isDone = ({ conclusion }: SimJob): boolean => conclusion === 'success';
  const allDone = stack.github.waitFor((now) => now.jobs.filter(isDone).length === JOBS, GIVE_UP_MS);
  const isFinished = await allDone.then(
    () => true,
    () => false,
  );
  if (isFinished) await untilIdle(stack);
  const calls = await ankaCalls(stack);
  const endedAt = Math.max(...calls.filter((call) => operationOf(call) === 'delete').map(({ end = 0 }) => end));
  const { jobs: now } = stack.github.snapshot();
  const vms = jobs.map(({ id }) =>
    vmTimes(
      stack,
      calls,
      now.find((job) => job.id === id),
    ),
  );
  const good = vms.flatMap((vm) => vm ?? []);
  const wallMs = endedAt - startedAt;
  const overhead = overheadMs({
    wallMs,
    slots: SLOTS,
    jobs: JOBS,
    jobMs: JOB_MS,
    vmMs: good.map(({ commandsMs }) => commandsMs),
    runnerStartMs: good.map(({ runnerStartMs }) => runnerStartMs),
  });
  return {
    done: now.filter(isDone).length,
    overheadSeconds: isFinished && good.length === JOBS ? overhead / 1_000 : undefined,
    wallSeconds: wallMs / 1_000,
    simulators: [
      {
        what: 'the pretend runner, from its start to its job',
        when: WHEN,
        samplesMs: good.map((v) => v.runnerStartMs),
      },
      { what: "all commands on one job's VM together", when: WHEN, samplesMs: good.map((v) => v.commandsMs) },
      ...commandTimes(calls),
    ],
  };
}

const WHEN = `${JOBS} jobs on ${SLOTS} slots`;

interface VmTimes {
  readonly commandsMs: number;
  readonly runnerStartMs: number;
}

/** Of the VM that served the job. */
function vmTimes(stack: Stack, calls: readonly AnkaCall[], job: SimJob | undefined): VmTimes | undefined {
  if (job?.runnerName == null) return undefined;
  const own = callsAbout(calls, job.runnerName).filter((call) => !isWatch(call));
  const spans = own.flatMap(({ start, end }) => (end === undefined ? [] : [{ start, end }]));
  const runnerStarted = own.find(isStartOfRunner)?.end;
  if (runnerStarted === undefined) return undefined;
  // A fast runner has its job before the command that started it is over.
  const runnerStartMs = Math.max(0, stepAt(stack, job, 'in_progress') - runnerStarted);
  return { commandsMs: coveredMs(spans), runnerStartMs };
}

function commandTimes(calls: readonly AnkaCall[]): readonly SimulatorTime[] {
  const nameOf = (call: AnkaCall): string =>
    operationOf(call) === 'run' ? 'run, to start the runner' : operationOf(call);
  const counted = calls.filter((call) => !isWatch(call));
  return [...new Set(counted.map(nameOf))].sort().map((name) => ({
    what: `\`anka ${name}\``,
    when: WHEN,
    samplesMs: counted
      .filter((call) => nameOf(call) === name)
      .flatMap(({ start, end }) => (end === undefined ? [] : [end - start])),
  }));
}

function withFleet(rig: Rig, work: (stack: Stack) => Promise<Outcome>): Promise<Outcome> {
  return rig.withStack(
    { hosts: [{ name: 'mini-1', slots: SLOTS, anka: { templates: [XCODE], delays: DELAYS } }] },
    work,
  );
}

function overheadRow(measure: string, anklet: string, run: BatchRun): readonly Row[] {
  if (run.overheadSeconds === undefined) return [];
  const note = `${run.wallSeconds.toFixed(1)} s in all`;
  return [{ measure, anklet, ...OVERHEAD, samples: [run.overheadSeconds], note }];
}

const doneRow = (measure: string, anklet: string, { done }: BatchRun): Row => ({
  measure,
  anklet,
  unit: 'count',
  judged: 'worst',
  goal: { direction: 'at least', must: JOBS, aim: null },
  samples: [done],
});

export const distinctLabels: Measure = {
  name: 'batch',
  run: (rig) =>
    withFleet(rig, async (stack) => {
      const run = await runBatch(stack, { labels: (index) => labelsFor(XCODE, `job-${index}`) });
      const title = '30 jobs of 1 s, 2 slots: overhead a job beyond VM and job time';
      return {
        rows: [...overheadRow(title, '7.63 s', run), doneRow('30 jobs of 1 s, 2 slots: done', '30 of 30', run)],
        simulators: run.simulators,
      };
    }),
};

export const equalLabels: Measure = {
  name: 'batch-equal-labels',
  run: (rig) =>
    withFleet(rig, async (stack) => {
      const run = await runBatch(stack, { labels: () => labelsFor(XCODE) });
      return {
        rows: [
          doneRow('the same 30 jobs, all with the same labels: done', '14 of 30 in 486 s', run),
          ...overheadRow('the same, equal labels: overhead a job', 'never ended', run),
        ],
      };
    }),
};
