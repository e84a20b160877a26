/** Whether the demo ended as it should: every job with its outcome, and nothing left. */

import type { Stack } from '../../simulators/stack/stack.js';
import type { DemoJob } from './scenario.js';
import { seconds } from './live.js';

export interface Row {
  readonly title: string;
  readonly expected: string;
  readonly outcome: string;
  readonly host: string;
  /** Milliseconds from queued to in progress, and from there to the end; null when there was none. */
  readonly waited: number | null;
  readonly ran: number | null;
}

export const titleOf = ({ job }: DemoJob): string =>
  `${job.owner}/${job.repo} · ${job.workflowName ?? ''} · ${job.name}`;

export function rowsOf(stack: Stack, jobs: readonly DemoJob[], hostOf: (runner: string) => string): readonly Row[] {
  const history = stack.github.history();
  return jobs.map((demoJob) => {
    const { id } = demoJob.job;
    const at = (step: string): number | undefined =>
      history.find((entry) => entry.jobId === id && entry.step === step)?.at;
    const [queued, begun, over] = [at('queued'), at('in_progress'), at('completed')];
    const now = stack.github.snapshot().jobs.find((job) => job.id === id);
    return {
      title: titleOf(demoJob),
      expected: demoJob.expected,
      outcome: now?.conclusion ?? now?.status ?? 'unknown',
      host: now?.runnerName == null ? '-' : hostOf(now.runnerName),
      waited: queued === undefined || begun === undefined ? null : begun - queued,
      ran: begun === undefined || over === undefined ? null : over - begun,
    };
  });
}

export function tableOf(rows: readonly Row[]): string {
  const cells = [
    ['JOB', 'OUTCOME', 'HOST', 'WAITED', 'RAN', ''],
    ...rows.map((row) => [
      row.title,
      row.outcome,
      row.host,
      row.waited === null ? '-' : seconds(row.waited).trim(),
      row.ran === null ? '-' : seconds(row.ran).trim(),
      row.outcome === row.expected ? '✓' : `✗ expected ${row.expected}`,
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells
    .map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** What of Berth's is still there: VMs, registered runners, workflows of jobs and runners. */
export async function leftovers(stack: Stack): Promise<readonly string[]> {
  const vms = (await Promise.all(stack.hosts.map(({ anka }) => anka.vms()))).flat().map(({ name }) => `VM ${name}`);
  const runners = stack.github.snapshot().runners.map(({ name }) => `runner ${name}`);
  const running: string[] = [];
  const query = "ExecutionStatus = 'Running' AND WorkflowType IN ('githubJob', 'runner')";
  for await (const { workflowId } of stack.client.workflow.list({ query })) running.push(`workflow ${workflowId}`);
  return [...vms, ...runners, ...running];
}
