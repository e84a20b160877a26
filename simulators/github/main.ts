/**
 * The simulated GitHub as a process of its own. Prints one line of JSON, `{"url": …}`, when it listens; ends on SIGINT or
 * SIGTERM. `--secret` and `--token` are pretend secrets: never give it real ones.
 *
 *   --port 0                     free port unless given
 *   --webhook-url URL            where deliveries go; none unless given
 *   --secret TEXT                what they are signed with
 *   --form                       deliver form-encoded
 *   --owner LOGIN                repeatable; `acme` unless given. Each gets an organisation hook
 *   --enterprise SLUG            the enterprise all owners belong to
 *   --token TOKEN                a PAT that may do everything; `ghp_simulated` unless given
 *   --app-id, --app-public-key FILE, --installation-id    a GitHub App; its hook replaces the organisation hooks
 *   --policy oldest-first|random|swap   --seed N   --id-base N   --time-scale N   --lost-after-ms N
 */

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { AssignmentPolicy } from './assignment.js';
import { DEFAULT_OWNER, DEFAULT_TOKEN } from './options.js';
import type { AppOptions, GitHubSimulatorOptions, HookOptions } from './options.js';
import { createGitHubSimulator } from './simulator.js';

const POLICIES: readonly AssignmentPolicy[] = ['oldest-first', 'random', 'swap'];

const TEXT = { type: 'string' } as const;

const { values: args } = parseArgs({
  options: {
    port: TEXT,
    'webhook-url': TEXT,
    secret: TEXT,
    enterprise: TEXT,
    token: TEXT,
    policy: TEXT,
    seed: TEXT,
    'app-id': TEXT,
    'app-public-key': TEXT,
    'installation-id': TEXT,
    'id-base': TEXT,
    'time-scale': TEXT,
    'lost-after-ms': TEXT,
    owner: { type: 'string', multiple: true },
    form: { type: 'boolean' },
  },
});

/** A whole or broken number from an option. Throws for anything else. */
function numberOf(name: keyof typeof args): number | undefined {
  const text = args[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`--${name} must be a number, not ${JSON.stringify(text)}`);
  return value;
}

function policyOf(text: string | undefined): AssignmentPolicy {
  const policy = POLICIES.find((each) => each === (text ?? 'oldest-first'));
  if (policy === undefined) throw new Error(`--policy must be one of ${POLICIES.join(', ')}`);
  return policy;
}

async function appsOf(owners: readonly string[]): Promise<readonly AppOptions[]> {
  const id = numberOf('app-id');
  if (id === undefined) return [];
  if (args['app-public-key'] === undefined) throw new Error('--app-id needs --app-public-key');
  const publicKey = await readFile(args['app-public-key'], 'utf8');
  const firstId = numberOf('installation-id') ?? 1;
  return [{ id, publicKey, installations: owners.map((owner, index) => ({ id: firstId + index, owner })) }];
}

function hooksOf(owners: readonly string[], apps: readonly AppOptions[]): readonly HookOptions[] {
  const url = args['webhook-url'];
  if (url === undefined) return [];
  const secret = args.secret === undefined ? {} : { secret: args.secret };
  const common = { url, ...secret, contentType: args.form === true ? 'form' : 'json' } as const;
  if (apps.length > 0) return [{ ...common, kind: 'integration' }];
  return owners.map((owner) => ({ ...common, kind: 'organization', owner }));
}

async function optionsOf(): Promise<GitHubSimulatorOptions> {
  const logins = args.owner ?? [DEFAULT_OWNER];
  const { enterprise } = args;
  const apps = await appsOf(logins);
  const idBase = numberOf('id-base');
  const timeScale = numberOf('time-scale');
  const lostAfterMs = numberOf('lost-after-ms');
  return {
    owners: logins.map((login) => ({ login, ...(enterprise === undefined ? {} : { enterprise }) })),
    pats: [{ token: args.token ?? DEFAULT_TOKEN }],
    apps,
    hooks: hooksOf(logins, apps),
    assignment: { policy: policyOf(args.policy), seed: numberOf('seed') ?? 0 },
    nasty: { seed: numberOf('seed') ?? 0 },
    ...(idBase === undefined ? {} : { idBase }),
    ...(timeScale === undefined ? {} : { timeScale }),
    ...(lostAfterMs === undefined ? {} : { lostAfterMs }),
  };
}

const simulator = createGitHubSimulator(await optionsOf());
const { url } = await simulator.start(numberOf('port') ?? 0);
process.stdout.write(`${JSON.stringify({ url })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void simulator.stop().then(() => process.exit(0));
  });
}
