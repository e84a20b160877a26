/** `runner_registration: token`: the guest registers its runner by itself, and everything else stays as it was. */

import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { QueueJobOptions } from '../../simulators/github/jobs.js';
import type { SimJob, SimRunner } from '../../simulators/github/types.js';
import type { Stack, StackHost, StackHostOptions } from '../../simulators/stack/stack.js';
import { XCODE, labelsFor } from '../../simulators/stack/templates.js';
import { expectNothingLeft, resultOf, testStack, timesBegun, until, untilConclusion } from './support.js';

const anka = { templates: [XCODE], delays: { start: 300 } };

/** Characters that a shell, or a script that splices text, would trip over. */
const ODD_LABELS = ['-beta', 'size[xl]', '~night', '#1', 'two words'];

const callsOf = (stack: Stack): readonly string[] =>
  stack.github.calls().map(({ method, path }) => `${method} ${path}`);

function servedBy(stack: Stack, { runnerName }: SimJob): SimRunner {
  const runner = stack.github.snapshot().removedRunners.find(({ name }) => name === runnerName);
  if (runner === undefined) throw new Error(`no runner ${runnerName} was removed`);
  return runner;
}

async function commandsFor(stack: Stack, job: SimJob): Promise<number> {
  const commands = (await Promise.all(stack.hosts.map((host) => host.anka.commands()))).flat();
  return commands.filter(({ argv }) => argv.some((word) => word.includes(`berth-${job.id}-`))).length;
}

interface World {
  readonly hosts: readonly StackHostOptions[];
  readonly by?: 'jit' | 'token';
  readonly runnerTokenMs?: number;
}

/** A stack for one `describe`; after each test nothing may be left, and no secret be seen. */
function stackFor({ hosts, by = 'token', ...more }: World): () => Stack {
  let stack: Stack | undefined;
  beforeAll(async () => {
    const github = {
      ...more,
      owners: [{ login: 'acme', enterprise: 'big' }],
      groups: [
        { id: 5, name: 'Macs in Berlin', owner: 'acme' },
        { id: 6, name: 'all-macs', enterprise: 'big' },
      ],
    };
    stack = await testStack({ hosts, github, runnerRegistration: by });
  });
  afterEach(async () => {
    if (stack !== undefined) await expectNothingLeft(stack);
  });
  afterAll(() => stack?.stop());
  return () => {
    if (stack === undefined) throw new Error('the stack did not start');
    return stack;
  };
}

const queue = (stack: Stack, options: Partial<QueueJobOptions> = {}): SimJob =>
  stack.github.queueJob({ owner: 'acme', repo: 'ios', labels: labelsFor(XCODE), durationMs: 300, ...options });

describe('by token, for an organization with a runner group', () => {
  const stack = stackFor({ hosts: [{ name: 'mini-1', runnerGroup: 'Macs in Berlin', anka }] });

  it('a job with odd labels runs, for one call to GitHub and as many commands as by JIT', async () => {
    stack().github.clearCalls();
    const labels = labelsFor(XCODE, ...ODD_LABELS);
    const job = queue(stack(), { labels, group: 'Macs in Berlin' });
    const done = await untilConclusion(stack(), job, 'success');
    expect(await resultOf(stack(), job)).toMatchObject({ outcome: 'success', attempts: 1 });
    await expectNothingLeft(stack());
    expect(callsOf(stack())).toEqual(['POST /orgs/acme/actions/runners/registration-token']);
    expect(stack().github.runnerTokens().length).toBeGreaterThan(0);
    const runner = servedBy(stack(), done);
    expect(runner).toMatchObject({ groupName: 'Macs in Berlin', ephemeral: true, removed: { why: 'job-done' } });
    expect(runner.labels.map(({ name }) => name).sort()).toEqual([...labels].sort());
    expect(await commandsFor(stack(), job)).toBeLessThanOrEqual(8);
  });

  it('two jobs whose runners are swapped both run', async () => {
    stack().github.setAssignment({ policy: 'swap' });
    const jobs = stack().github.queueMatrix({
      owner: 'acme',
      repo: 'ios',
      labels: labelsFor(XCODE),
      count: 2,
      durationMs: 300,
    });
    for (const job of jobs) {
      await untilConclusion(stack(), job, 'success');
      expect(await resultOf(stack(), job)).toMatchObject({ outcome: 'success' });
    }
    stack().github.setAssignment({ policy: 'oldest-first' });
  });
});

describe.each(['token', 'jit'] as const)('by %s, for an enterprise with a runner group', (by) => {
  const stack = stackFor({
    hosts: [{ name: 'mini-1', slots: 1, enterprise: 'big', runnerGroup: 'all-macs', anka }],
    by,
  });

  it('a job of one of its organizations runs', async () => {
    const done = await untilConclusion(stack(), queue(stack(), { group: 'all-macs' }), 'success');
    expect(servedBy(stack(), done)).toMatchObject({
      scope: { kind: 'enterprise', enterprise: 'big' },
      groupName: 'all-macs',
    });
  });
});

describe('by a token that GitHub gives for some minutes only', () => {
  const stack = stackFor({ hosts: [{ name: 'mini-1', slots: 1, anka }], runnerTokenMs: 300_000 });

  it('a newer one is asked for, three times at most', async () => {
    const job = queue(stack());
    await untilConclusion(stack(), job, 'success');
    expect(await resultOf(stack(), job)).toMatchObject({ attempts: 1 });
    expect(stack().github.runnerTokens()).toHaveLength(4);
  });
});

describe('by token, for a repository', () => {
  const stack = stackFor({ hosts: [{ name: 'mini-1', slots: 1, repo: 'ios', runnerGroup: 'ignored here', anka }] });

  const host = (): StackHost => {
    const [first] = stack().hosts;
    if (first === undefined) throw new Error('there is no host');
    return first;
  };
  const inPlugins = (file: string): string => join(host().pluginsPath, file);
  const isThere = (file: string): Promise<boolean> => Promise.resolve(existsSync(inPlugins(file)));

  /** Simulated guests see the files of the machine: `$P` is a folder in which a script and a test can meet. */
  async function replaceScript(name: string, text: string): Promise<void> {
    const folder = inPlugins('handlers/github');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), `#!/bin/bash\nP='${host().pluginsPath}'\ncd "$RUNNER_HOME"\n${text}\n`);
  }
  afterEach(() => rm(host().pluginsPath, { recursive: true, force: true }));

  const REGISTER =
    './config.sh --unattended --ephemeral --disableupdate --no-default-labels --name "$1" --token "$2" --url "$3" --labels "$4"';
  /** Waits at its first run only. */
  const ONCE = 'if mkdir "$P/met"; then while [ ! -e "$P/go" ]; do sleep 0.05; done; fi';

  it('a job runs, for one call to GitHub', async () => {
    stack().github.clearCalls();
    const done = await untilConclusion(stack(), queue(stack()), 'success');
    await expectNothingLeft(stack());
    expect(callsOf(stack())).toEqual(['POST /repos/acme/ios/actions/runners/registration-token']);
    expect(servedBy(stack(), done)).toMatchObject({ scope: { kind: 'repo', owner: 'acme', repo: 'ios' } });
  });

  it("an operator's own scripts register the runner, with the same arguments, and run it as a service", async () => {
    // As anklet's do, with what they would print of the token.
    await replaceScript('register-runner.bash', `set -x\nprintf '%s\\n' "$#" "$1" "$3" "$4" >"$P/said"\n${REGISTER}`);
    await replaceScript(
      'start-runner.bash',
      './svc.sh install && ./svc.sh start && cp ../.berth/register.log "$P/log"',
    );
    const done = await untilConclusion(stack(), queue(stack()), 'success');
    expect((await readFile(inPlugins('said'), 'utf8')).split('\n')).toEqual([
      '4',
      done.runnerName,
      `${stack().githubUrl}/acme/ios`,
      labelsFor(XCODE).join(','),
      '',
    ]);
    const log = await readFile(inPlugins('log'), 'utf8');
    expect(log).toContain('--token [secret] ');
    for (const token of stack().github.runnerTokens()) expect(log).not.toContain(token);
  });

  it.each([
    { when: 'before GitHub knows the runner', script: `${ONCE}; ${REGISTER}` },
    { when: 'after GitHub knows the runner', script: `${REGISTER}; ${ONCE}` },
  ])('a job cancelled while its guest registers, $when: nothing is left', async ({ script }) => {
    await replaceScript('register-runner.bash', script);
    const job = queue(stack());
    await until('the guest registers', () => isThere('met'));
    stack().github.cancelJob(job.id);
    await expectNothingLeft(stack());
    expect(await resultOf(stack(), job)).toMatchObject({ outcome: 'cancelled', servedBy: null });
  });

  it.each([
    { when: 'before GitHub knows the runner', script: `${ONCE}; ${REGISTER} --replace` },
    { when: 'after GitHub knows the runner', script: `${REGISTER} --replace; ${ONCE}` },
  ])('the agent is killed while the guest registers, $when: the job runs once', async ({ script }) => {
    await replaceScript('register-runner.bash', script);
    const job = queue(stack());
    await until('the guest registers', () => isThere('met'));
    await host().agent.kill();
    await host().restart();
    await untilConclusion(stack(), job, 'success', 90_000);
    expect(timesBegun(stack(), job)).toBe(1);
  });

  /** How the workflow of the first VM made for a job ended. */
  async function firstRunnerOf(job: SimJob): Promise<unknown> {
    for await (const { workflowId } of stack().client.workflow.list({ query: "WorkflowType = 'runner'" })) {
      if (workflowId.startsWith(`runner/berth-${job.id}-1-`)) {
        return stack().client.workflow.getHandle(workflowId).result();
      }
    }
    return undefined;
  }

  it('a token that GitHub refuses costs an attempt, and the next one is new', async () => {
    await replaceScript('register-runner.bash', `set -x\n${ONCE}; ${REGISTER}`);
    const job = queue(stack());
    await until('the guest registers', () => isThere('met'));
    stack().github.revokeTokens();
    await writeFile(inPlugins('go'), '');
    const done = await untilConclusion(stack(), job, 'success');
    expect(done.runnerName).toMatch(new RegExp(`^berth-${job.id}-2-`));
    expect(await resultOf(stack(), job)).toMatchObject({ outcome: 'success', attempts: 2 });
    expect(host().agent.output.join('\n')).toMatch(/register-runner\.bash failed .*--token \[secret\] .*401/);
    expect(await firstRunnerOf(job)).toMatchObject({ failure: { type: 'RegisterFailed' }, vmDestroyed: true });
  });
});
