import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { withNews } from '../../agent/step-news.js';
import { eventually } from './eventually.js';

const log = pino({ level: 'silent' });

/** A step under way, whose workflow notes what it is told. */
function begin(pausesMs: readonly [number, number], answer: () => Promise<void> = () => Promise.resolve()) {
  const told: string[] = [];
  let say: (what: string) => void = () => undefined;
  let end: (result: string) => void = () => undefined;
  const beats: string[] = [];
  const reportProgress = async (workflowId: string, what: string): Promise<void> => {
    told.push(`${workflowId}: ${what}`);
    await answer();
  };
  const deps = { workflows: { reportProgress }, log, pausesMs };
  const result = withNews(
    deps,
    'runner/r',
    (what) => beats.push(what),
    (progress) => {
      say = progress;
      return new Promise<string>((resolve) => (end = resolve));
    },
  );
  return { told, beats, result, say: (what: string) => say(what), end: (text: string) => end(text) };
}

describe('news of a step', () => {
  it('that is short goes to its heartbeats only', async () => {
    const step = begin([600_000, 600_000]);
    step.say('pulls: 1 %');
    step.end('done');
    expect(await step.result).toBe('done');
    expect(step.beats).toEqual(['pulls: 1 %']);
    expect(step.told).toEqual([]);
  });

  it('that is long goes to its workflow, each thing once, until it is over', async () => {
    const step = begin([5, 5]);
    step.say('pulls: 1 %');
    await eventually(() => expect(step.told).toEqual(['runner/r: pulls: 1 %']));
    step.say('pulls: 2 %');
    await eventually(() => expect(step.told).toEqual(['runner/r: pulls: 1 %', 'runner/r: pulls: 2 %']));
    step.end('done');
    await step.result;
    step.say('too late');
    expect(step.told).toHaveLength(2);
  });

  it('is told again where nobody could be reached, and never fails the step', async () => {
    const step = begin([5, 5], () => Promise.reject(new Error('away')));
    step.say('pulls: 1 %');
    await eventually(() => expect(step.told.length).toBeGreaterThan(2));
    step.end('done');
    expect(await step.result).toBe('done');
  });
});
