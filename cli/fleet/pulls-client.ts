/** What `berth pull` asks of Temporal: one workflow a host. */

import { WorkflowFailedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { PullInput } from '../../activities/contracts.js';
import { FAILURES, isFailureType } from '../../jobs/failures.js';
import { ORCHESTRATOR_QUEUE, templatePullWorkflowId } from '../../jobs/names.js';
import type { TemplatePullInput, TemplatePullResult, templatePull } from '../../workflows/template-pull.js';
import { inTime } from './in-time.js';

export type PullEnd =
  | ({ readonly kind: 'here' } & TemplatePullResult)
  /** Why not, in words, with its code. */
  | { readonly kind: 'failed'; readonly why: string };

export interface Pull {
  readonly host: string;
  /** @throws what kept Temporal from answering */
  readonly ended: Promise<PullEnd>;
  /** What the host does right now; undefined while nobody has said. @throws as `ended` */
  readonly now: () => Promise<string | undefined>;
}

export interface PullsClient {
  /** Starts a pull, or joins the one of the same template and tag that is under way there. */
  readonly begin: (host: string, wanted: PullInput, by: string) => Promise<Pull>;
}

export function createPullsClient(client: Client): PullsClient {
  const answered = inTime(client);

  async function whatNow(workflowId: string): Promise<string | undefined> {
    const { raw } = await answered(() => client.workflow.getHandle(workflowId).describe());
    const [activity] = raw.pendingActivities ?? [];
    const details = await decodeArrayFromPayloads(
      client.workflow.options.loadedDataConverter,
      activity?.heartbeatDetails?.payloads,
    );
    return typeof details[0] === 'string' ? details[0] : undefined;
  }

  return {
    begin: async (host, { template, tag }, by) => {
      const workflowId = templatePullWorkflowId(host, template, tag);
      const input: TemplatePullInput = { host, template, tag, by };
      const handle = await answered(() =>
        client.workflow.start<typeof templatePull>('templatePull', {
          workflowId,
          taskQueue: ORCHESTRATOR_QUEUE,
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `${template}, tag ${tag}, on ${host}`,
          args: [input],
        }),
      );
      const ended = handle.result().then((result): PullEnd => ({ kind: 'here', ...result }), failedOr);
      // Told when it is asked for.
      ended.catch(() => undefined);
      return { host, ended, now: () => whatNow(workflowId) };
    },
  };
}

/** @throws what is not the pull's own end */
function failedOr(err: unknown): PullEnd {
  if (!(err instanceof WorkflowFailedError)) throw err;
  const { cause } = err;
  if (!(cause instanceof ApplicationFailure)) return { kind: 'failed', why: 'somebody cancelled it' };
  const code = isFailureType(cause.type) ? ` (${FAILURES[cause.type].code})` : '';
  return { kind: 'failed', why: `${cause.message}${code}` };
}
