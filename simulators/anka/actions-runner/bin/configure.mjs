/** `config.sh` and `config.sh remove`: registration with a token. */

import { forgetConfig, readBehaviour, readConfig, unpackJitConfig } from './files.mjs';
import { callUntilAnswered } from './http.mjs';

const DEFAULT_LABELS = {
  os: { darwin: 'macOS', linux: 'Linux', win32: 'Windows' },
  arch: { x64: 'X64', arm64: 'ARM64', arm: 'ARM' },
};

/** The simulator's URL: that of `--url`, unless it names the real GitHub. */
function serverOf(url) {
  const { origin, hostname } = new URL(url);
  if (!hostname.endsWith('github.com')) return origin;
  const { serverUrl } = readBehaviour();
  if (serverUrl === undefined) throw new Error(`${origin} is not a simulator, and the template names no serverUrl`);
  return serverUrl;
}

function labelsOf(options) {
  const own = typeof options.labels === 'string' ? options.labels.split(',').filter((label) => label !== '') : [];
  if (options['no-default-labels']) return own;
  return ['self-hosted', DEFAULT_LABELS.os[process.platform], DEFAULT_LABELS.arch[process.arch], ...own];
}

/** Registers the runner. Code 1 when it is configured already or GitHub refuses. */
export async function configure(options, log) {
  for (const key of ['url', 'token', 'name']) {
    if (typeof options[key] !== 'string') throw new Error(`--${key} is missing`);
  }
  if (options.unattended !== true) {
    console.error('There is nobody to answer questions: --unattended is missing.');
    return 1;
  }
  if (readConfig() !== undefined) {
    console.error('This runner is configured already; config.sh remove undoes that.');
    return 1;
  }
  const reply = await callUntilAnswered('POST', `${serverOf(options.url)}/_runner/register`, {
    body: {
      token: options.token,
      name: options.name,
      labels: labelsOf(options),
      ephemeral: options.ephemeral === true,
      replace: options.replace === true,
      url: options.url,
      ...(typeof options.runnergroup === 'string' ? { runnergroup: options.runnergroup } : {}),
    },
  });
  if (reply.status !== 201) {
    console.error(`Registration failed with ${reply.status}: ${reply.body.message ?? ''}`);
    return 1;
  }
  unpackJitConfig(reply.body.encodedJitConfig);
  log(`registered ${options.name}`);
  console.log('√ Runner successfully added');
  return 0;
}

/** Removes the registration. Code 1 when there is none or GitHub refuses. */
export async function remove(options, log) {
  const config = readConfig();
  if (config === undefined) {
    console.error('This runner is not configured; there is nothing to remove.');
    return 1;
  }
  const reply = await callUntilAnswered('POST', `${config.serverUrl}/_runner/remove`, {
    body: { token: options.token, name: config.name },
  });
  if (reply.status !== 204) {
    console.error(`Removal failed with ${reply.status}: ${reply.body.message ?? ''}`);
    return 1;
  }
  forgetConfig();
  log(`removed ${config.name}`);
  console.log('√ Runner removed successfully');
  return 0;
}
