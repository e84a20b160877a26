import { describe, expect, it } from 'vitest';
import { delivered, startReceiver, startSim } from './helpers.js';

const labels = ['macOS'];

interface Item {
  readonly id: number;
  readonly guid: string;
  readonly status: string;
  readonly status_code: number;
  readonly redelivery: boolean;
}

const items = (body: unknown): Item[] => body as Item[];

async function setUp(more: Parameters<typeof startSim>[0] = {}) {
  const receiver = await startReceiver();
  const hooks = [
    { id: 1, kind: 'organization' as const, owner: 'acme', url: receiver.url, secret: 's' },
    { id: 2, kind: 'repository' as const, owner: 'acme', repo: 'ios', url: receiver.url },
  ];
  return { receiver, sim: await startSim({ hooks, ...more }) };
}

const ORG = '/orgs/acme/hooks/1/deliveries';

describe('the delivery log', () => {
  it('lists deliveries newest first, by cursor', async () => {
    const { sim } = await setUp();
    for (let i = 0; i < 5; i += 1) sim.queueJob({ repo: 'other', labels });
    await delivered(sim, 5);
    const seen: number[] = [];
    let next: string | undefined = `${ORG}?per_page=2`;
    let pages = 0;
    while (next !== undefined) {
      const { body, headers } = await sim.rest('GET', next);
      seen.push(...items(body).map(({ id }) => id));
      next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]?.replace(sim.url, '');
      pages += 1;
    }
    expect(pages).toBe(3);
    expect(seen).toHaveLength(5);
    expect(seen).toEqual([...seen].sort((a, b) => b - a));
    expect((await sim.rest('GET', `${ORG}?cursor=nonsense`)).status).toBe(400);
  });

  it('shows headers and payload of one delivery', async () => {
    const { sim } = await setUp();
    const job = sim.queueJob({ repo: 'other', labels });
    await delivered(sim, 1);
    const [item] = items((await sim.rest('GET', ORG)).body);
    const { body } = await sim.rest('GET', `${ORG}/${item?.id}`);
    expect(body).toMatchObject({
      guid: item?.guid,
      status: 'OK',
      status_code: 202,
      event: 'workflow_job',
      action: 'queued',
      redelivery: false,
      request: { headers: { 'X-GitHub-Delivery': item?.guid }, payload: { workflow_job: { id: job.id } } },
      response: { payload: 'noted' },
    });
  });

  it('records failures, never retries by itself, and repeats on request with the same guid', async () => {
    const { sim, receiver } = await setUp();
    receiver.answer = () => 500;
    sim.queueJob({ repo: 'other', labels });
    await delivered(sim, 1);
    const [failed] = items((await sim.rest('GET', `${ORG}?status=failure`)).body);
    expect(failed).toMatchObject({ status: 'Invalid HTTP Response: 500', status_code: 500 });
    expect(receiver.received).toHaveLength(1);
    receiver.answer = () => 202;
    expect((await sim.rest('POST', `${ORG}/${failed?.id}/attempts`)).status).toBe(202);
    await delivered(sim, 2);
    const [again, first] = items((await sim.rest('GET', ORG)).body);
    expect(again).toMatchObject({ guid: failed?.guid, redelivery: true, status: 'OK' });
    expect(again?.id).not.toBe(failed?.id);
    expect(first?.id).toBe(failed?.id);
    const [one, two] = receiver.received;
    expect(two?.body).toBe(one?.body);
    expect(two?.headers['x-hub-signature-256']).toBe(one?.headers['x-hub-signature-256']);
  });

  it('gives up on a receiver that is too slow, and on one that is not there', async () => {
    const { sim, receiver } = await setUp({ deliveryTimeoutMs: 40 });
    receiver.answer = () => 'hang';
    sim.queueJob({ repo: 'other', labels });
    await delivered(sim, 1);
    sim.removeHook(1);
    sim.addHook({ id: 1, kind: 'organization', owner: 'acme', url: 'http://127.0.0.1:1/' });
    sim.queueJob({ repo: 'other', labels });
    await delivered(sim, 2);
    const statuses = items((await sim.rest('GET', ORG)).body).map((item) => [item.status, item.status_code]);
    expect(statuses).toEqual([
      ['failed to connect to host', 502],
      ['timed out', 504],
    ]);
  });

  it('keeps hooks apart and forgets after the window', async () => {
    const { sim } = await setUp();
    sim.queueJob({ repo: 'ios', labels });
    await delivered(sim, 2);
    const [orgItem] = items((await sim.rest('GET', ORG)).body);
    const [repoItem] = items((await sim.rest('GET', '/repos/acme/ios/hooks/2/deliveries')).body);
    expect(orgItem?.guid).not.toBe(repoItem?.guid);
    expect((await sim.rest('GET', `${ORG}/${repoItem?.id}`)).status).toBe(404);
    expect((await sim.rest('GET', '/orgs/acme/hooks/2/deliveries')).status).toBe(404);
    expect((await sim.rest('GET', '/repos/acme/other/hooks/2/deliveries')).status).toBe(404);
    const brief = await setUp({ deliveryWindowMs: 0 });
    brief.sim.queueJob({ repo: 'other', labels });
    await delivered(brief.sim, 1);
    const answer = await brief.sim.rest('GET', ORG);
    expect([answer.status, answer.body]).toEqual([200, []]);
  });
});
