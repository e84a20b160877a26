/** All measures, in the order of the design's table. */

import type { Measure } from './measure.js';
import { bareCalls } from './measures/bare-calls.js';
import { distinctLabels, equalLabels } from './measures/batch.js';
import { cancel } from './measures/cancel.js';
import { cost } from './measures/cost.js';
import { crashes } from './measures/crashes.js';
import { fleet } from './measures/fleet.js';
import { latencies } from './measures/latencies.js';
import { lostHost } from './measures/lost-host.js';
import { placement } from './measures/placement.js';
import { sameJob, webhooksPileUp } from './measures/webhooks.js';

export const MEASURES: readonly Measure[] = [
  bareCalls,
  latencies,
  distinctLabels,
  equalLabels,
  webhooksPileUp,
  sameJob,
  cost,
  cancel,
  lostHost,
  placement,
  crashes,
  fleet,
];
