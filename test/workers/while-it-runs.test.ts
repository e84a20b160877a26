import { describe, expect, it } from 'vitest';
import { createFleetScopes } from '../../workers/job-sources.js';
import type { SourcesClient } from '../../workers/job-sources.js';
import { createSweepFleet } from '../../workers/sweep-fleet.js';
import type { FleetClient } from '../../workers/sweep-fleet.js';
import { whileItRuns } from '../../workers/while-it-runs.js';

const never = (): Promise<never> => new Promise(() => undefined);

/** One host and one open job, neither of which answers: their workflows have no worker any more. */
const mute = (asked: () => void) => ({
  workflow: {
    async *list() {
      yield { workflowId: 'host/mini-1' };
    },
    getHandle: () => ({
      query: () => {
        asked();
        return never();
      },
    }),
  },
});

describe('a question to a workflow', () => {
  it('is answered while the orchestrator runs', async () => {
    expect(await whileItRuns(new AbortController().signal, async () => 'here')).toBe('here');
  });

  it('fails with what the server says', async () => {
    const ask = (): Promise<never> => Promise.reject(new Error('no such workflow'));
    await expect(whileItRuns(new AbortController().signal, ask)).rejects.toThrow('no such workflow');
  });

  it('is not put at all once the orchestrator stops', async () => {
    await expect(whileItRuns(AbortSignal.abort(), async () => 'here')).rejects.toThrow('this orchestrator stops');
  });

  it.each([
    ['of a sweep to a host', (fleet: ReturnType<typeof createSweepFleet>) => fleet.hosts()],
    ['of a sweep to a job', (fleet: ReturnType<typeof createSweepFleet>) => fleet.askJob('job/github.com/1')],
  ])('%s does not hold up the end of the orchestrator', async (_, question) => {
    const stopping = new AbortController();
    const client = mute(() => stopping.abort()) as unknown as FleetClient;
    await expect(question(createSweepFleet(client, 'github.com', stopping.signal))).rejects.toThrow('stops');
  });

  it('of the sweep of queued jobs does not hold it up either: that host has no scopes', async () => {
    const stopping = new AbortController();
    const client = mute(() => stopping.abort()) as unknown as SourcesClient;
    expect(await createFleetScopes(client, stopping.signal)()).toEqual([]);
  });
});
