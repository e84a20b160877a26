import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnkaHost, RunnerBehaviour, TemplateFile } from '../../simulators/anka/host.js';
import { JOB, SECRET, startRunnerServer } from './runner-server.js';
import type { RunnerServer } from './runner-server.js';
import { TEMPLATE, anka, ask, begin, newHost, startedVm, textOf, until, untilNoGuests } from './support.js';
import type { Reply } from './support.js';

let server: RunnerServer;

beforeEach(async () => {
  server = await startRunnerServer();
});

afterEach(() => server.close());

async function hostWithRunner(
  runner: RunnerBehaviour | true = true,
  files: Record<string, TemplateFile> = {},
): Promise<AnkaHost> {
  const host = await newHost({ templates: [{ ...TEMPLATE, runner, files }] });
  await startedVm(host, 'a');
  return host;
}

const runnerFolder = (host: AnkaHost): string => join(host.dir, 'library/a/home/actions-runner');
const inGuest = (host: AnkaHost, script: string, input?: string): Promise<Reply> =>
  begin(host, ['run', 'a', 'bash', '-c', script], input).done;

/** The JIT config goes in by standard input, so that it is in nobody's arguments. */
const JIT = 'read -r ACTIONS_RUNNER_INPUT_JITCONFIG; export ACTIONS_RUNNER_INPUT_JITCONFIG; cd actions-runner; ';
const hook = (name: string, code = 0): TemplateFile => ({
  content: `echo "${name} $GITHUB_REPOSITORY $GITHUB_RUN_ID $GITHUB_RUN_ATTEMPT $GITHUB_JOB \${JIT:-}" >> ~/hooks; exit ${code}\n`,
});
const WITH_HOOKS = [
  'export ACTIONS_RUNNER_HOOK_JOB_STARTED=~/started.sh',
  'export ACTIONS_RUNNER_HOOK_JOB_COMPLETED=~/completed.sh',
  JIT,
].join('; ');

describe('the pretend runner', () => {
  it('takes one job by a JIT config in the environment, runs the hooks, and ends with 0', async () => {
    const host = await hostWithRunner(true, { 'started.sh': hook('started'), 'completed.sh': hook('completed') });
    server.jobs.push(JOB, { ...JOB, jobId: 8 });
    const { code, out } = await inGuest(host, `${WITH_HOOKS} ./run.sh`, `${server.jitConfig()}\n`);
    expect(code).toBe(0);
    expect(out).toMatch(/Listening for Jobs\n.*Running job: ui-tests\n.*ui-tests completed with result: Success/s);
    const hooks = await textOf(join(host.dir, 'library/a/home/hooks'));
    expect(hooks).toBe('started acme/ios 70 2 ui-tests \ncompleted acme/ios 70 2 ui-tests \n');
    expect(server.linesOf('completed')).toHaveLength(1);
    expect(server.calls.at(-2)).toMatchObject({ body: { conclusion: 'success' } });
    expect(server.calls.at(-1)?.line).toBe('DELETE /session/*');
    expect(server.calls.every((call) => call.authorization === `Bearer ${SECRET}`)).toBe(true);
    expect(server.jobs).toHaveLength(1);
    const logs = await readdir(join(runnerFolder(host), '_diag'));
    expect(logs.map((name) => name.split('_')[0]).sort()).toEqual(['Runner', 'Worker']);
    expect(await readdir(runnerFolder(host))).not.toContain('.credentials');
  });

  it('takes a JIT config as an argument, waits for a job, and reads its system from the machine', async () => {
    const host = await hostWithRunner();
    const done = inGuest(host, `cd actions-runner; ./run.sh --jitconfig ${server.jitConfig()}`);
    await until(async () => server.linesOf('/job').length > 2);
    expect((await stat(join(runnerFolder(host), '.credentials'))).mode & 0o777).toBe(0o600);
    expect(server.calls[0]?.body).toMatchObject({ runnerId: 5, os: process.platform === 'darwin' ? 'macOS' : 'Linux' });
    server.jobs.push(JOB);
    expect((await done).code).toBe(0);
  });

  it.each([
    ['started', 1, 0],
    ['completed', 0, 1],
  ])('fails the job when the %s hook fails; both run', async (_name, started, completed) => {
    const files = { 'started.sh': hook('started', started), 'completed.sh': hook('completed', completed) };
    const host = await hostWithRunner(true, files);
    server.jobs.push({ ...JOB, durationMs: started === 1 ? 600_000 : 1 });
    await inGuest(host, `${WITH_HOOKS} ./run.sh`, `${server.jitConfig()}\n`);
    expect(server.calls.at(-2)?.body).toEqual({ conclusion: 'failure' });
    expect((await readFile(join(host.dir, 'library/a/home/hooks'), 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  it('ends a cancelled job as cancelled, and a failing one as failed', async () => {
    const host = await hostWithRunner();
    server.jobs.push({ ...JOB, conclusion: 'failure' });
    await inGuest(host, `${JIT} ./run.sh`, `${server.jitConfig()}\n`);
    expect(server.calls.at(-2)?.body).toEqual({ conclusion: 'failure' });
    server.jobs.push({ ...JOB, durationMs: 600_000 });
    const done = inGuest(host, `${JIT} ./run.sh`, `${server.jitConfig()}\n`);
    await until(async () => server.linesOf('cancelled').length > 3);
    server.cancel();
    expect((await done).code).toBe(0);
    expect(server.calls.at(-2)?.body).toEqual({ conclusion: 'cancelled' });
  });

  it('works on a job without a duration until it is told that it has finished', async () => {
    const host = await hostWithRunner();
    server.jobs.push({ ...JOB, durationMs: null });
    const done = inGuest(host, `${JIT} ./run.sh`, `${server.jitConfig()}\n`);
    await until(async () => server.linesOf('cancelled').length > 3);
    expect(server.linesOf('completed')).toEqual([]);
    server.finish();
    expect((await done).code).toBe(0);
    expect(server.calls.at(-2)?.body).toEqual({ conclusion: 'success' });
  });

  it('goes back to waiting when its job was taken away before it began', async () => {
    const host = await hostWithRunner();
    server.refusals.set('POST /jobs/*/started', 409);
    server.jobs.push(JOB);
    const done = inGuest(host, `${JIT} ./run.sh`, `${server.jitConfig()}\n`);
    await until(async () => server.linesOf('started').length > 1);
    server.refusals.clear();
    expect((await done).code).toBe(0);
    expect(server.calls.at(-2)?.body).toEqual({ conclusion: 'success' });
  });

  it('takes job after job when it is not ephemeral, until SIGTERM', async () => {
    const host = await hostWithRunner();
    server.refusals.set('POST /jobs/*/completed', 200);
    server.jobs.push(JOB, { ...JOB, jobId: 8 });
    const script = `${JIT} RUNNER_MANUALLY_TRAP_SIG=1 ./run.sh & echo $! > ~/pid; wait $!`;
    const done = inGuest(host, script.replace('; cd', '; cd'), `${server.jitConfig(false)}\n`);
    await until(async () => server.linesOf('completed').length === 2);
    const pid = await until(() => textOf(join(host.dir, 'library/a/home/pid')));
    process.kill(Number(pid), 'SIGTERM');
    expect((await done).code).toBe(0);
    expect(server.calls.at(-1)?.line).toBe('DELETE /session/*');
    await untilNoGuests(host);
  });

  it('is gone with its VM in the middle of a job', async () => {
    const host = await hostWithRunner();
    server.jobs.push({ ...JOB, durationMs: 600_000 });
    const done = inGuest(host, `${JIT} ./run.sh`, `${server.jitConfig()}\n`);
    await until(async () => server.linesOf('cancelled').length > 0);
    await ask(host, 'delete', '--yes', 'a');
    expect((await done).code).toBe(125);
    await untilNoGuests(host);
    expect(server.linesOf('completed')).toEqual([]);
  });
});

describe('exit codes', () => {
  it.each([
    [404, {}, 1],
    [401, {}, 1],
    [409, {}, 5],
    [503, { connectForMs: 100 }, 2],
    [201, { exitCode: 2 }, 2],
    [201, { deprecated: true }, 7],
  ])('of the listener when the session is answered with %i and %j: %i', async (status, behaviour, code) => {
    const host = await hostWithRunner(behaviour);
    if (status !== 201) server.refusals.set('POST /session', status);
    const prefix = 'export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1;';
    const reply = await inGuest(host, `${prefix} ${JIT} ./bin/Runner.Listener run`, `${server.jitConfig()}\n`);
    expect(reply.code).toBe(code);
  });

  it.each([
    ['hides them', {}, '', 5, 0],
    ['hands them on when asked to', { exitCodes: true }, '', 5, 5],
    ['lets 7 through where signals are trapped', {}, 'export RUNNER_MANUALLY_TRAP_SIG=1;', 7, 7],
  ])('of run.sh: %s', async (_name, behaviour, prefix, exitCode, code) => {
    const host = await hostWithRunner({ ...behaviour, exitCode });
    const asked = 'export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1;';
    const reply = await inGuest(host, `${asked} ${prefix} ${JIT} ./run.sh`, `${server.jitConfig()}\n`);
    expect(reply.code).toBe(code);
  });

  it('1 when it is not configured', async () => {
    const host = await hostWithRunner();
    expect((await inGuest(host, 'actions-runner/bin/Runner.Listener run')).code).toBe(1);
  });
});

describe('config.sh and svc.sh', () => {
  const configure = (url: string): string =>
    `cd actions-runner && ./config.sh --name berth-1 --token reg-token --url ${url}/acme/ios --no-default-labels ` +
    '--labels a,b --disableupdate --unattended --ephemeral --runnergroup macs';

  it('register, serve a job as a service, and leave nothing', async () => {
    const host = await hostWithRunner();
    expect(await inGuest(host, configure(server.url))).toMatchObject({ code: 0 });
    expect(server.calls[0]?.body).toEqual({
      token: 'reg-token',
      name: 'berth-1',
      labels: ['a', 'b'],
      ephemeral: true,
      replace: false,
      url: `${server.url}/acme/ios`,
      runnergroup: 'macs',
    });
    expect(await readdir(runnerFolder(host))).toEqual(expect.arrayContaining(['.credentials', '.runner']));
    expect((await inGuest(host, configure(server.url))).code).toBe(1);
    const service = await inGuest(host, 'cd actions-runner && ./svc.sh install && ./svc.sh start && ./svc.sh status');
    expect(service).toMatchObject({ code: 0, out: expect.stringContaining('Started:') as string });
    server.jobs.push(JOB);
    await until(async () => server.linesOf('DELETE').length === 1);
    await untilNoGuests(host);
    expect((await inGuest(host, 'cd actions-runner && ./svc.sh status')).out).toBe('Stopped\n');
  });

  it('remove the registration again', async () => {
    const host = await hostWithRunner();
    await inGuest(host, configure(server.url));
    expect((await inGuest(host, 'cd actions-runner && ./config.sh remove --token rm-token')).code).toBe(0);
    expect(server.calls.at(-1)?.body).toEqual({ token: 'rm-token', name: 'berth-1' });
    expect(await readdir(runnerFolder(host))).not.toContain('.runner');
  });

  it('fail when GitHub refuses the token, and find the simulator behind the name github.com', async () => {
    const host = await hostWithRunner({ serverUrl: server.url });
    server.refusals.set('POST /register', 401);
    const reply = await inGuest(host, configure('https://github.com'));
    expect(reply).toMatchObject({ code: 1, err: expect.stringContaining('401') as string });
    expect(`${reply.out}${reply.err}`).not.toContain('reg-token');
  });

  it('asks when it is not told that nobody answers, and takes a label that looks odd', async () => {
    const host = await hostWithRunner();
    const odd = configure(server.url).replace('--labels a,b', "--labels 'a,-b,[c],~d,#e'");
    expect(await inGuest(host, odd.replace('--unattended', ''))).toMatchObject({ code: 1 });
    expect(server.calls).toEqual([]);
    expect(await inGuest(host, odd.replace('--ephemeral', '--replace'))).toMatchObject({ code: 0 });
    expect(server.calls[0]?.body).toMatchObject({
      labels: ['a', '-b', '[c]', '~d', '#e'],
      ephemeral: false,
      replace: true,
    });
  });

  it("lets the lines of the runner's .env win over its environment", async () => {
    const host = await hostWithRunner(true, { 'started.sh': hook('started') });
    server.jobs.push(JOB);
    const script =
      'echo ACTIONS_RUNNER_HOOK_JOB_STARTED=$HOME/started.sh >actions-runner/.env; export ACTIONS_RUNNER_HOOK_JOB_STARTED=/nowhere';
    const { code } = await inGuest(host, `${script}; ${JIT} ./run.sh`, `${server.jitConfig()}\n`);
    expect(code).toBe(0);
    expect(await textOf(join(host.dir, 'library/a/home/hooks'))).toMatch(/^started/);
  });

  it('copies the logs of the runner out of the guest', async () => {
    const host = await hostWithRunner({ exitCode: 0 });
    await inGuest(host, 'actions-runner/run.sh');
    const target = join(host.dir, 'diag');
    expect((await anka(host, '-j', 'cp', '-a', 'a:/Users/anka/actions-runner/_diag', target)).code).toBe(0);
    expect(await readdir(target)).toHaveLength(1);
  });
});
