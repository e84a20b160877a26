/** Takes the histories of all workflows of a namespace and writes them down under the names of their scenarios. */

import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { History } from './histories.js';
import { startOf, writeHistory } from './histories.js';
import type { Told } from './scenarios.js';
import { scrubbed } from './scrub.js';

/** Of a workflow that lives for ever and was carried over many times, so many runs are kept. */
const RUNS_KEPT = 3;

/** @returns the names under which they were saved */
export async function saveHistories(client: Client, label: string, told: readonly Told[]): Promise<readonly string[]> {
  const names = new Map<string, number>();
  for (const workflow of await allWorkflows(client)) {
    const { workflowId, runId } = workflow;
    const history = await historyOf(client, workflowId, runId);
    const name = nameOf(workflow, history, told);
    if (name === null) continue;
    const turn = (names.get(name) ?? 0) + 1;
    if (turn > RUNS_KEPT) continue;
    names.set(name, turn);
    await writeHistory(label, turn === 1 ? name : `${name}-${turn}`, scrubbed(history));
  }
  return [...names.keys()];
}

/** Oldest first, so that the numbers of runs count up. */
async function allWorkflows(client: Client): Promise<readonly WorkflowExecutionInfo[]> {
  const all: WorkflowExecutionInfo[] = [];
  for await (const workflow of client.workflow.list()) all.push(workflow);
  return all.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
}

async function historyOf(client: Client, workflowId: string, runId: string): Promise<History> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return JSON.parse(historyToJSON(history)) as History;
}

/** Null: a workflow of a job that belongs to no scenario. */
function nameOf({ workflowId }: WorkflowExecutionInfo, history: History, told: readonly Told[]): string | null {
  const [kind = '', ...rest] = workflowId.split('/');
  const last = rest.at(-1) ?? '';
  if (kind === 'dispatcher') return isCarriedOver(history) ? 'dispatcher-carried-over' : 'dispatcher-first';
  if (kind === 'host') return `host-${last}${isCarriedOver(history) ? '-carried-over' : ''}`;
  const jobId = Number(kind === 'job' ? last : /-(\d+)-\d+-[0-9a-f]{4}$/.exec(last)?.[1]);
  const scenario = told.find((one) => one.jobId === jobId)?.name;
  if (scenario === undefined) return null;
  return `${scenario}.${kind}`;
}

const isCarriedOver = (history: History): boolean => (startOf(history).continuedExecutionRunId ?? '') !== '';
