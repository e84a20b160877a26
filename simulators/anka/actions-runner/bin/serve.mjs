/** `run`: opens a session, takes jobs, and ends as GitHub's runner does. */

import { forgetConfig, readBehaviour, readConfig, unpackJitConfig } from './files.mjs';
import { call, callUntilAnswered } from './http.mjs';
import { workOn } from './job.mjs';

const CODES = { done: 0, terminated: 1, retry: 2, conflict: 5, deprecated: 7 };
const VERSION = '2.329.0';
const SYSTEMS = { darwin: 'macOS', linux: 'Linux', win32: 'Windows' };

/** Serves jobs until told to stop; answers with the exit code. */
export async function serve(options, log) {
  const behaviour = readBehaviour();
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort());
  const config = takeConfig(options);
  const early = await misbehave(behaviour, stop.signal, log);
  if (early !== undefined) return early;
  if (config === undefined) {
    console.error('Not configured. Run config.sh, or give --jitconfig.');
    return CODES.terminated;
  }
  const server = { base: `${config.serverUrl}/_runner`, options: { secret: config.secret } };
  const session = await openSession(server, config, behaviour, stop.signal, log);
  if (session.code !== undefined) return session.code;
  console.log('√ Connected to GitHub');
  console.log(`${new Date().toISOString()}: Listening for Jobs`);
  try {
    return await listen({ server, config, behaviour, log, stop: stop.signal, sessionId: session.id });
  } finally {
    await call('DELETE', `${server.base}/session/${session.id}`, server.options).catch(() => undefined);
  }
}

/** The configuration, from the JIT config when there is one. The secret leaves the environment, as with the real one. */
function takeConfig(options) {
  const jit = options.jitconfig ?? process.env.ACTIONS_RUNNER_INPUT_JITCONFIG;
  delete process.env.ACTIONS_RUNNER_INPUT_JITCONFIG;
  if (typeof jit === 'string' && jit !== '') unpackJitConfig(jit);
  return readConfig();
}

async function misbehave(behaviour, stop, log) {
  if (behaviour.exitCode !== undefined) {
    log(`told to end with ${behaviour.exitCode}`);
    return behaviour.exitCode;
  }
  if (behaviour.deprecated === true) {
    console.error(`Version ${VERSION} of the runner is deprecated: GitHub gives it no jobs.`);
    return process.env.ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE === '1' ? CODES.deprecated : CODES.terminated;
  }
  if (behaviour.neverConnects !== true) return undefined;
  log('told not to connect');
  const alive = setInterval(() => undefined, 60_000);
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  clearInterval(alive);
  return CODES.done;
}

/** `{id}` of the new session, or `{code}` to end with. */
async function openSession(server, config, behaviour, stop, log) {
  const body = { runnerId: config.runnerId, version: VERSION, os: SYSTEMS[process.platform] ?? 'unknown' };
  let reply;
  try {
    const options = { ...server.options, body, signal: stop };
    reply = await callUntilAnswered('POST', `${server.base}/session`, options, behaviour.connectForMs ?? 30_000);
  } catch (error) {
    if (stop.aborted) return { code: CODES.done };
    console.error(`GitHub cannot be reached: ${error.message}`);
    return { code: CODES.retry };
  }
  if (reply.status === 201) return { id: reply.body.sessionId };
  log(`session refused with ${reply.status}`);
  if (reply.status === 409) {
    console.error('A session for this runner already exists.');
    return { code: CODES.conflict };
  }
  console.error('GitHub knows this runner no longer: its registration was deleted.');
  return { code: CODES.terminated };
}

/** Takes jobs one after the other; one only when the runner is ephemeral. */
async function listen(runner) {
  const { server, config, stop, sessionId, log } = runner;
  while (!stop.aborted) {
    let reply;
    try {
      const url = `${server.base}/session/${sessionId}/job?waitMs=20000`;
      reply = await callUntilAnswered('GET', url, { ...server.options, signal: stop });
    } catch (error) {
      if (stop.aborted) return CODES.done;
      log(`lost the server: ${error.message}`);
      return CODES.retry;
    }
    if (reply.status === 204) continue;
    if (reply.status !== 200) {
      console.error('GitHub knows this runner no longer: its registration was deleted.');
      return CODES.terminated;
    }
    const result = await workOn(reply.body, runner);
    if (result === 'gone') return CODES.terminated;
    if (result === 'not ours' || stop.aborted) continue;
    if (result.deregistered) forgetConfig();
    if (result.deregistered || config.ephemeral) return CODES.done;
  }
  return CODES.done;
}
