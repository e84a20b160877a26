/**
 * Webhooks that did not arrive are asked for again. While the receiver is away only a few are, to see whether it is
 * back; then all of them.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { hookText } from '../../github/deliveries.js';
import type { Deliveries, Delivery, Hook } from '../../github/deliveries.js';
import { GitHubRateLimited } from '../../github/errors.js';
import type { SweepMemory } from '../../jobs/sweeps.js';
import { readBack, readNewest } from './delivery-log.js';
import type { DeliveryLogDeps, Logged } from './delivery-log.js';
import { MOST_OWN_FAILURES, dueAmong, firstAt, lastAttempt, missedIn, probesAmong, seemsUp } from './delivery-plan.js';
import type { Missed } from './delivery-plan.js';
import { createReport } from './part.js';
import type { SweepOfOnePart } from './part.js';

export interface DeliveriesSweepDeps {
  readonly github: Deliveries;
  readonly hook: Hook;
  /** Nothing older is asked for (ms). */
  readonly lookBackMs: number;
  readonly now?: () => number;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** In one sweep. GitHub lets 900 points a minute through, and each takes 5. */
const MOST_REDELIVERED = 150;
const PROBES = 3;
/** GitHub redelivers within seconds; a receiver that is away refuses at once or is given ten seconds. */
const PROBE_LOOKS = 8;
const PROBE_PAUSE_MS = 1_000;
/** Deliveries are listed when they have ended, so slow ones show up behind newer ones. */
const OVERLAP_MS = 5 * 60_000;
const MOST_REMEMBERED = 500;

const memorySchema = z.object({
  hook: z.string(),
  /** Whatever is older has arrived or was given up (epoch ms). */
  mark: z.number(),
  rest: z.object({ cursor: z.string(), until: z.number() }).nullable(),
  asked: z.record(z.string(), z.object({ attempts: z.number(), at: z.number() })),
  givenUp: z.array(z.string()),
});
type Memory = z.infer<typeof memorySchema>;

/** What one look has at hand. */
interface Look extends DeliveryLogDeps {
  readonly github: Deliveries;
  readonly asked: Record<string, { attempts: number; at: number }>;
  readonly startedAt: number;
  readonly pause: (ms: number) => Promise<unknown>;
}

export function createDeliveriesSweep(deps: DeliveriesSweepDeps): SweepOfOnePart {
  const { github, hook, lookBackMs, now = Date.now, pause = sleep } = deps;
  return async ({ dryRun, memory: kept }) => {
    const report = createReport('deliveries');
    const before = memoryOf(kept, hook);
    const startedAt = now();
    const oldest = startedAt - lookBackMs;
    const look: Look = { github, hook, report, asked: { ...before?.asked }, startedAt, pause };
    const until = before === null ? oldest : Math.max(oldest, before.mark - OVERLAP_MS);
    const logged = await readBack(look, until, before?.rest ?? null);
    report.looked(logged.deliveries.length);
    if (logged.rest !== null) report.incomplete();
    const missed = missedIn(logged.deliveries).filter(({ guid }) => before?.givenUp.includes(guid) !== true);
    const due = dueAmong(missed, look.asked, startedAt);
    missed.filter(({ isHopeless }) => isHopeless).forEach((one) => report.found(textOf(one), hopeless(one), 'failed'));
    if (dryRun) {
      due.forEach((one) => report.found(textOf(one), whyOf(one), 'would'));
      return report.report(kept);
    }
    try {
      await (seemsUp(logged.deliveries) ? redeliver(look, due) : probeFirst(look, due));
    } catch (error) {
      // What was asked for is remembered; the rest comes with the next sweep.
      if (!(error instanceof GitHubRateLimited)) throw error;
      report.incomplete();
    }
    return report.report(memoryAfter({ look, logged, missed, before, oldest }));
  };
}

async function redeliver({ github, hook, report, asked, startedAt }: Look, due: readonly Missed[]): Promise<void> {
  if (due.length > MOST_REDELIVERED) report.incomplete();
  for (const one of due.slice(0, MOST_REDELIVERED)) {
    const id = lastAttempt(one)?.id;
    if (id === undefined) continue;
    const answer = await github.redeliver(hook, id);
    report.called();
    asked[one.guid] = { attempts: one.attempts.length, at: startedAt };
    if (answer === 'asked') report.found(textOf(one), whyOf(one), 'redelivered');
    else report.found(textOf(one), 'GitHub does not deliver it again', 'failed');
  }
}

/** The receiver seems to be away: a few tell whether it is back. */
async function probeFirst(look: Look, due: readonly Missed[]): Promise<void> {
  const probes = probesAmong(due, PROBES);
  const known = new Set(probes.flatMap(({ attempts }) => attempts.map(({ id }) => id)));
  const guids = new Set(probes.map(({ guid }) => guid));
  await redeliver(look, probes);
  const others = due.filter(({ guid }) => !guids.has(guid));
  for (let looks = 0; looks < PROBE_LOOKS && others.length > 0; looks += 1) {
    await look.pause(PROBE_PAUSE_MS);
    const outcomes = (await readNewest(look)).filter(({ guid, id }) => guids.has(guid) && !known.has(id));
    if (outcomes.some(({ isOk }) => isOk)) return redeliver(look, others);
    if (outcomes.length >= probes.length) break;
  }
  // The receiver is away still.
  if (others.length > 0) look.report.incomplete();
}

function memoryOf(kept: SweepMemory | null, hook: Hook): Memory | null {
  const { success, data } = memorySchema.safeParse(kept);
  return success && data.hook === hookText(hook) ? data : null;
}

interface Outcome {
  readonly look: Look;
  readonly logged: Logged;
  readonly missed: readonly Missed[];
  readonly before: Memory | null;
  readonly oldest: number;
}

function memoryAfter({ look, logged, missed, before, oldest }: Outcome): Memory {
  const open = new Map(missed.filter(({ isHopeless }) => !isHopeless).map((one) => [one.guid, one]));
  const newest = Math.max(before?.mark ?? oldest, ...newestOf(logged.deliveries));
  const mark = Math.max(oldest, Math.min(newest, ...[...open.values()].map(firstAt)));
  const asked = Object.entries(look.asked).filter(([guid]) => open.has(guid));
  const givenUp = missed.filter(({ isHopeless }) => isHopeless).map(({ guid }) => guid);
  return {
    hook: hookText(look.hook),
    mark,
    rest: logged.rest,
    asked: Object.fromEntries(asked.slice(-MOST_REMEMBERED)),
    givenUp: [...(before?.givenUp ?? []), ...givenUp].slice(-MOST_REMEMBERED),
  };
}

const newestOf = (deliveries: readonly Delivery[]): readonly number[] =>
  deliveries.length === 0 ? [] : [deliveries.reduce((last, { at }) => Math.max(last, at), 0)];

const textOf = ({ guid, action }: Missed): string => `delivery ${guid} (${action})`;

function whyOf(one: Missed): string {
  const tries = one.attempts.length === 1 ? '' : `, ${one.attempts.length} attempts`;
  return `the receiver answered ${lastAttempt(one)?.statusCode ?? 0}${tries}`;
}

const hopeless = (one: Missed): string =>
  `${whyOf(one)}, ${MOST_OWN_FAILURES} of them while others arrived: it is given up. See the delivery on GitHub`;
