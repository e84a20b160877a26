import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { VmSize } from '../../activities/contracts.js';
import { createSizes } from '../../agent/sizes.js';
import { ProviderError } from '../../providers/provider.js';
import type { LibraryEntry } from '../../providers/provider.js';
import { FakeProvider } from './fake-provider.js';

const entry = (name: string, more: Partial<LibraryEntry> = {}): LibraryEntry => ({
  uuid: `uuid-of-${name}`,
  name,
  status: 'stopped',
  ...more,
});
const SIZE: VmSize = { cpus: 4, memoryBytes: 8e9 };

function sizesWith(answer: (uuid: string) => Promise<VmSize | undefined>) {
  const asked: string[] = [];
  let found = 0;
  const provider = Object.assign(new FakeProvider(), {
    sizeOf: (uuid: string) => {
      asked.push(uuid);
      return answer(uuid);
    },
  });
  const log = pino({ level: 'silent' });
  const sizes = createSizes({ namePrefix: 'berth', provider, log, onFound: () => (found += 1) });
  return { sizes, asked, found: () => found };
}

describe('the sizes of templates', () => {
  it('are asked for once for each tag, and told in one go', async () => {
    const { sizes, asked, found } = sizesWith(async () => SIZE);
    const [one, two] = [entry('one', { tag: 'v1' }), entry('two')];
    await sizes.look([one, two]);
    await sizes.look([one, two]);
    expect(asked).toEqual(['uuid-of-one', 'uuid-of-two']);
    expect(found()).toBe(1);
    expect(sizes.sizeOf(one)).toEqual(SIZE);
    const replaced = entry('one', { tag: 'v2' });
    expect(sizes.sizeOf(replaced)).toBeUndefined();
    await sizes.look([replaced, two]);
    expect(asked).toHaveLength(3);
  });

  it("are not asked for of Berth's own VMs, which come and go with jobs", async () => {
    const { sizes, asked } = sizesWith(async () => SIZE);
    await sizes.look([entry('berth-7-1-aaaa', { status: 'running' }), entry('berth-8-1-aaaa')]);
    expect(asked).toEqual([]);
  });

  it('stay unknown, without asking again, where the tool fails or does not say', async () => {
    const { sizes, asked, found } = sizesWith(async (uuid) => {
      if (uuid === 'uuid-of-bad') throw new ProviderError('CommandFailed', 'no');
      return undefined;
    });
    const list = [entry('bad'), entry('silent')];
    await sizes.look(list);
    await sizes.look(list);
    expect(asked).toHaveLength(2);
    expect(list.map(sizes.sizeOf)).toEqual([undefined, undefined]);
    expect(found()).toBe(0);
  });
});

it('are waited for while they are asked for, but not for ever', async () => {
  let answer = (): void => undefined;
  const { sizes } = sizesWith(() => new Promise((resolve) => (answer = () => resolve(SIZE))));
  await sizes.settled(60_000);
  void sizes.look([entry('one')]);
  await sizes.settled(10);
  expect(sizes.sizeOf(entry('one'))).toBeUndefined();
  const settled = sizes.settled(60_000);
  answer();
  await settled;
  expect(sizes.sizeOf(entry('one'))).toEqual(SIZE);
});

it('what VMs of others take is added up, as far as it is known', async () => {
  const { sizes } = sizesWith(async (uuid) => (uuid === 'uuid-of-dev' ? SIZE : undefined));
  const running = [entry('dev', { status: 'running' }), entry('secret', { status: 'running' })];
  expect(sizes.ofAll(running)).toEqual({ cpus: 0, memoryBytes: 0 });
  await sizes.look(running);
  expect(sizes.ofAll(running)).toEqual({ cpus: 4, memoryBytes: 8e9 });
});
