import { WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { isOpen, openHosts, openWorkflows, unlessGone } from '../../temporal/open-workflows.js';
import type { ListingClient } from '../../temporal/open-workflows.js';

/** @returns a client whose list has these, and what was asked of it; `read` are those that were taken from it */
function listing(...workflowIds: readonly string[]) {
  const queries: (string | undefined)[] = [];
  const read: string[] = [];
  async function* list({ query }: { readonly query?: string } = {}): AsyncGenerator {
    queries.push(query);
    for (const workflowId of workflowIds) {
      read.push(workflowId);
      yield await Promise.resolve({ workflowId });
    }
  }
  return { client: { workflow: { list } } as unknown as ListingClient, queries, read };
}

describe('open workflows', () => {
  it('are asked for by their type', async () => {
    const { client, queries } = listing('runner/a', 'runner/b');
    const found = await openWorkflows(client, 'runner');
    expect(found.map(({ workflowId }) => workflowId)).toEqual(['runner/a', 'runner/b']);
    expect(queries).toEqual(["WorkflowType = 'runner' AND ExecutionStatus = 'Running'"]);
  });

  it('are read no further than wanted', async () => {
    const { client, read } = listing('runner/a', 'runner/b', 'runner/c');
    expect(await openWorkflows(client, 'runner', 2)).toHaveLength(2);
    expect(read).toEqual(['runner/a', 'runner/b']);
  });

  it('of hosts give their names', async () => {
    expect(await openHosts(listing('host/mini-1', 'host/mini-2').client)).toEqual(['mini-1', 'mini-2']);
    expect(await openHosts(listing('host/mini-1', 'host/mini-2').client, 1)).toEqual(['mini-1']);
  });
});

describe('a run', () => {
  it.each([
    ['RUNNING', true],
    ['PAUSED', true],
    ['COMPLETED', false],
    ['FAILED', false],
    ['CANCELLED', false],
    ['TERMINATED', false],
    ['CONTINUED_AS_NEW', false],
    ['TIMED_OUT', false],
  ] as const)('that is %s: open is %s', (name, expected) => {
    expect(isOpen({ status: { name } } as Pick<WorkflowExecutionDescription, 'status'>)).toBe(expected);
  });
});

describe('a question to a workflow', () => {
  it('is answered', async () => {
    expect(await unlessGone(() => Promise.resolve('here'))).toBe('here');
  });

  it('is null where there is none', async () => {
    expect(await unlessGone(() => Promise.reject(new WorkflowNotFoundError('gone', 'job/1', undefined)))).toBe(null);
  });

  it('fails as it failed in all other cases', async () => {
    await expect(unlessGone(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  });
});
