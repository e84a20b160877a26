import { describe, expect, it } from 'vitest';
import { hookOf, sweepIntervals } from '../../workers/reconcile-parts.js';
import { parse, problemsOf } from './support.js';

const MINUTE = 60_000;

describe('sweep', () => {
  it('has its defaults, part by part', () => {
    const defaults = { deliveries: 2 * MINUTE, queued: 5 * MINUTE, runners: 5 * MINUTE, jobs: 5 * MINUTE, vms: MINUTE };
    expect(parse('plugins: []\n').config.sweep).toEqual(defaults);
    expect(parse('sweep: {queued: 30s, vms: off}\n').config.sweep).toEqual({ ...defaults, queued: 30_000, vms: null });
  });

  it.each([
    ['30s', 30_000],
    ['2m', 2 * MINUTE],
    ['1h', 60 * MINUTE],
    ['90', 90_000],
    ['off', null],
    ['0', null],
    ['0s', null],
    ['false', null],
  ])('%s', (written, ms) => {
    expect(parse(`sweep: {jobs: ${written}}\n`).config.sweep.jobs).toBe(ms);
  });

  it.each(['2 m', '1d', '-5', 'often', '0.5', '25h', '[]'])('%s is refused', (written) => {
    expect(problemsOf(`sweep: {jobs: ${written}}\n`)).toEqual([expect.stringContaining('a time from 1 s to 24 h')]);
  });

  it('can be set by the environment', () => {
    expect(parse('plugins: []\n', { BERTH_SWEEP_QUEUED: '10s' }).config.sweep.queued).toBe(10_000);
  });
});

const TOKEN = 'global_token: t\n';
const receiver = (keys: string): string =>
  `${TOKEN}plugins: [{name: r, plugin: github_receiver, port: 1, secret: s, ${keys}}]\n`;

describe('what is swept', () => {
  it('nothing of GitHub without a credential; deliveries only of a known webhook', () => {
    const without = sweepIntervals(parse('plugins: []\n').config);
    expect(without).toEqual({ deliveries: null, queued: null, runners: null, jobs: null, vms: null });
    expect(sweepIntervals(parse(TOKEN).config)).toMatchObject({ deliveries: null, queued: 5 * MINUTE });
    const withHook = parse(receiver('owner: acme, hook_id: 5')).config;
    expect(sweepIntervals(withHook)).toMatchObject({ deliveries: 2 * MINUTE });
  });

  it('with polling, queued jobs as often as that', () => {
    expect(parse('plugins: []\n').config).toMatchObject({ jobSource: 'webhook', pollIntervalMs: 15_000 });
    for (const source of ['poll', 'both']) {
      const { config } = parse(`${TOKEN}job_source: ${source}\npoll_interval: 20s\nsweep: {queued: off}\n`);
      expect(sweepIntervals(config).queued).toBe(20_000);
    }
  });

  it.each([
    ['owner: acme, hook_id: 5', { kind: 'scope', scope: { kind: 'org', owner: 'acme' }, hookId: 5 }],
    [
      'owner: acme, repo: ios, hook_id: 5',
      { kind: 'scope', scope: { kind: 'repo', owner: 'acme', repo: 'ios' }, hookId: 5 },
    ],
    ['hook_id: app', { kind: 'app' }],
    ['owner: acme, hook_id: app', { kind: 'app' }],
    ['owner: acme', null],
    ['owner: acme, hook_id: 0', null],
    ['owner: acme, hook_id: 5, skip_redeliver: true', null],
  ])('the webhook of {%s}', (keys, hook) => {
    const { config, warnings } = parse(receiver(keys));
    expect(hookOf(config)).toEqual(hook);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['hook_id: 5', 'must say where the webhook is'],
    ['enterprise: big, hook_id: 5', "an enterprise's webhook"],
  ])('{%s} is warned of', (keys, warning) => {
    const { config, warnings } = parse(receiver(keys));
    expect(hookOf(config)).toBeNull();
    expect(warnings).toEqual([expect.stringContaining(warning)]);
  });

  it('an id that is none is refused', () => {
    expect(problemsOf(receiver('owner: acme, hook_id: mine'))).toEqual([expect.stringContaining('or `app`')]);
  });
});
