/** What a runner says of a host that does not answer while a job runs there: the job's end on GitHub may be its loss. */

import { patched } from '@temporalio/workflow';
import { serverSilent } from './messages.js';
import type { Life } from './runner-life.js';
import { tell } from './tell.js';

export function noteSilence(life: Life): void {
  if (life.isHostSilent || !patched('tell-of-silence')) return;
  life.isHostSilent = true;
  tellSilence(life);
}

/** The guest's word came through the host. */
export function hostIsBack(life: Life): void {
  if (!life.isHostSilent) return;
  life.isHostSilent = false;
  tellSilence(life);
}

function tellSilence({ input, orders, isHostSilent }: Life): void {
  const job = orders.serves();
  if (job === null) return;
  void tell(job.workflowId, serverSilent, { runner: input.name, host: input.grant.host, silent: isHostSilent });
}
