import { CancellationScope, setCurrentDetails, setHandler, sleep } from '@temporalio/workflow';
import { limitText } from '../jobs/limits.js';
import { runnerProgressed, stepProgressed } from './messages.js';
import type { RunnerProgress, RunnerStep } from './messages.js';
import type { Limited } from './past-limits.js';
import type { Life } from './runner-life.js';
import { tell } from './tell.js';

/**
 * The step that is on after this long is told to the job that waits for it. Shorter ones nobody can read; each message is
 * work for two workflows, and each timer a write of the server's. The runner's own page shows every step.
 */
const TELL_AFTER_MS = 400;

/** Shows how far the runner is: on its own page, and on that of the job that waits for it. Costs no waiting. */
export function atStep(life: Life, step: RunnerStep): void {
  life.limited = null;
  life.step = step;
  showStep(life);
  // The job knows by itself that it runs, and what comes after it is over is not its business.
  if (step === 'running a job' || step === 'cleaning up') life.telling?.cancel();
  else if (life.telling === null) tellSoon(life);
}

function tellSoon(life: Life): void {
  const telling = new CancellationScope({ cancellable: true, parent: life.scope });
  life.telling = telling;
  telling
    .run(async () => {
      await sleep(TELL_AFTER_MS);
      life.telling = null;
      await tellJob(life);
    })
    .catch(() => undefined);
}

function showStep({ input: { grant }, step }: Life, detail = ''): void {
  setCurrentDetails(`**${step}** on ${grant.host} (slot ${grant.slot.name})${detail && `\n\n${detail}`}`);
}

async function tellJob(life: Life, more: Pick<RunnerProgress, 'detail'> = {}): Promise<void> {
  const { input, step, limited } = life;
  const job = life.orders.meantFor();
  if (job === null || step === null) return;
  const progress = { runner: input.name, host: input.grant.host, step, ...more, ...(limited && { limited }) };
  await tell(job.workflowId, runnerProgressed, progress);
}

/** Shows that GitHub's limits make it wait, here and on the page of the job that waits for it. */
export function noteLimited(life: Life, limited: Limited): void {
  life.limited = limited;
  showStep(life, limitText(limited.why, limited.until));
  tellLimitedAgain(life);
}

/** For another job, too, that counts on this runner meanwhile. */
export function tellLimitedAgain(life: Life): void {
  if (life.limited !== null) void tellJob(life);
}

/** Passes on what the host says of a long pull; by the time it arrives the runner may be further. */
export function followHost(life: Life): void {
  setHandler(stepProgressed, (detail) => {
    if (life.step !== 'checking the template') return;
    showStep(life, detail);
    void tellJob(life, { detail });
  });
}
