import { DefaultLogger } from '@temporalio/worker';
import { noopMetricMeter } from '@temporalio/common';
import { compileWorkerOptions } from '@temporalio/worker/lib/worker-options.js';
import { expect, it } from 'vitest';
import { MAY_STAND_STILL } from '../../workers/workflow-workers.js';

/** Its types do not have it, so that no upgrade would tell. */
it('the SDK takes the limit of a step of a workflow from us', () => {
  const limitOf = (options: object): number =>
    compileWorkerOptions({ taskQueue: 'any', ...options }, new DefaultLogger('ERROR'), noopMetricMeter)
      .isolateExecutionTimeoutMs;
  expect([limitOf({}), limitOf(MAY_STAND_STILL)]).toEqual([5_000, 600_000]);
});
