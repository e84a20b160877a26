/** `berth pull`: what it takes for a template, and how it waits. */

import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { templateArgument } from '../../cli/fleet/template-argument.js';
import type { Pull, PullEnd } from '../../cli/fleet/pulls-client.js';
import { untilPulled } from '../../cli/fleet/until-pulled.js';

describe('a template on the command line', () => {
  it.each([
    ['macos', { template: 'macos', tag: 'latest' }],
    ['8c7a3f0e-52b4-4f6e-9d2b-0c1a5e6f7a81:v3', { template: '8c7a3f0e-52b4-4f6e-9d2b-0c1a5e6f7a81', tag: 'v3' }],
    ['team:macos:v3', { template: 'team:macos', tag: 'v3' }],
  ])('%s', (text, expected) => {
    expect(templateArgument(text)).toEqual(expected);
  });

  it.each(['', ':v3', 'macos:', '-f', 'macos:--all', 'mac os', 'a;b', `${'x'.repeat(200)}:v1`])('is not %j', (text) => {
    expect(() => templateArgument(text)).toThrow(InvalidArgumentError);
  });
});

describe('waiting for a pull', () => {
  const HERE: PullEnd = { kind: 'here', tag: 'v3', pulled: true };

  /** Its looks are answered in this order; it ends after the last. */
  function pullThat(...looks: readonly (string | Error | undefined)[]): Pull {
    const left = [...looks];
    let end: (how: PullEnd) => void = () => undefined;
    const ended = new Promise<PullEnd>((resolve) => (end = resolve));
    const now = (): Promise<string | undefined> => {
      const next = left.shift();
      if (left.length === 0) end(HERE);
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    };
    return { host: 'mini-1', ended, now };
  }

  it('says each news once, and that nobody has said anything yet', async () => {
    const said: string[] = [];
    const pull = pullThat(undefined, 'pulls x: 1 %', 'pulls x: 1 %', 'pulls x: 2 %');
    expect(await untilPulled(pull, { say: (text) => said.push(text), everyMs: 1 })).toEqual(HERE);
    expect(said).toEqual([
      'mini-1: has not said yet what it does\n',
      'mini-1: pulls x: 1 %\n',
      'mini-1: pulls x: 2 %\n',
    ]);
  });

  it('does not mind a look that fails', async () => {
    const pull = pullThat('pulls x', new Error('away'), 'pulls x');
    expect(await untilPulled(pull, { say: () => undefined, everyMs: 1 })).toEqual(HERE);
  });

  it('fails when nobody can tell how it ended', async () => {
    const pull = { ...pullThat(), ended: Promise.reject(new Error('away')) };
    await expect(untilPulled(pull, { say: () => undefined, everyMs: 1 })).rejects.toThrow('away');
  });
});
