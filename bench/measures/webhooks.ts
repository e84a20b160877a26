/** Webhooks in numbers: 3,000 that pile up while nobody works on them, and one job's sent twenty times at once. */

import { XCODE } from '../../simulators/stack/templates.js';
import type { Measure } from '../measure.js';
import { ankaCalls, operationOf, untilIdle, untilOver } from '../observe.js';
import { countJobWorkflows, pileUp, sendQueuedAtOnce } from '../pile-up.js';
import { percentile, ratesInWindows } from '../statistics.js';

const PILE = 3_000;
const IN_FLIGHT = 32;
const WINDOW = 500;

export const webhooksPileUp: Measure = {
  name: 'pile-up',
  run: (rig) =>
    rig.withStack({ hosts: [] }, async (stack) => {
      await stack.orchestrator.stop();
      const { jobs, startedAt, acceptedAt, durationsMs } = await pileUp(stack, PILE, IN_FLIGHT);
      const workflows = await countJobWorkflows(stack, PILE);
      const rates = ratesInWindows(startedAt, acceptedAt, WINDOW);
      const last = acceptedAt.at(-1) ?? startedAt;
      const overall = (acceptedAt.length * 1_000) / Math.max(1, last - startedAt);
      const [first = 0] = rates;
      return {
        rows: [
          {
            measure: 'webhooks accepted durably while 3,000 pile up',
            anklet: '38/s',
            unit: '/s',
            judged: 'worst',
            goal: { direction: 'at least', must: 200, aim: 300 },
            samples: [overall],
            note: `of each ${WINDOW}: ${rates.map((rate) => Math.round(rate)).join(', ')}; answered in ${percentile(durationsMs, 50)} ms (p50)`,
          },
          {
            measure: 'the same, rate of the last 500 as a share of the first 500',
            anklet: '0.10',
            unit: 'share',
            judged: 'worst',
            goal: { direction: 'at least', must: 0.7, aim: 0.9 },
            samples: [(rates.at(-1) ?? 0) / first],
          },
          {
            measure: 'the same, lost (not accepted, or without a workflow)',
            anklet: '0',
            unit: 'count',
            judged: 'worst',
            goal: { direction: 'at most', must: 0, aim: null },
            samples: [jobs.length - Math.min(workflows, acceptedAt.length)],
          },
        ],
      };
    }),
};

const TIMES = 20;

export const sameJob: Measure = {
  name: 'same-job',
  run: (rig) =>
    rig.withStack({ hosts: [{ name: 'mini-1', anka: { templates: [XCODE] } }] }, async (stack) => {
      const { job } = await sendQueuedAtOnce(stack, TIMES);
      await untilOver(stack, job, 'success');
      await untilIdle(stack);
      const clones = (await ankaCalls(stack)).filter((call) => operationOf(call) === 'clone').length;
      const workflows = await countJobWorkflows(stack, 1);
      return {
        rows: [
          {
            measure: `one job id sent ${TIMES} times at once: jobs`,
            anklet: '2 to 10',
            unit: 'count',
            judged: 'worst',
            goal: { direction: 'at most', must: 1, aim: null },
            samples: [Math.max(clones, workflows)],
          },
        ],
      };
    }),
};
