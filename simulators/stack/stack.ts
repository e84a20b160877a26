/**
 * A whole Berth on one machine: a simulated GitHub, simulated Macs, and receiver, orchestrator and agents as the real
 * processes that they are in production. Used by the demo, the tests and the bench.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { connectClient } from '../../temporal/connect.js';
import { freePort } from '../../temporal/free-port.js';
import { createAnkaHost } from '../anka/host.js';
import type { AnkaHost, AnkaHostOptions } from '../anka/host.js';
import { createGitHubSimulator } from '../github/simulator.js';
import type { GitHubSimulator } from '../github/simulator.js';
import type { GitHubSimulatorOptions } from '../github/options.js';
import { startBerth } from './berth-process.js';
import type { BerthCommand, BerthProcess } from './berth-process.js';
import { pluginsPathOf, writeHostConfig, writeOrchestratorConfig, writeReceiverConfig } from './stack-config.js';
import type { ConfigFiles, HostSettings, MoreKeys, StackCredential, TemporalAt } from './stack-config.js';

export interface StackHostOptions extends Partial<Omit<HostSettings, 'name'>> {
  readonly name: string;
  readonly anka?: Omit<AnkaHostOptions, 'dir'>;
}

export interface StackOptions {
  /** An empty folder for configs, VMs and state; removed by `stop`. */
  readonly dir: string;
  readonly temporal: TemporalAt;
  readonly hosts: readonly StackHostOptions[];
  readonly credential: StackCredential;
  readonly github?: Omit<GitHubSimulatorOptions, 'hooks'>;
  readonly owner?: string;
  /** Default: `jit`. */
  readonly runnerRegistration?: 'jit' | 'token';
  /** The orchestrator's config has the webhook, too: what did not arrive is redelivered. */
  readonly redelivers?: boolean;
  /** How long a runner may wait for its job. */
  readonly registrationTimeoutSeconds?: number;
  /** Further keys of the receiver's config. */
  readonly receiverConfig?: MoreKeys;
  /**
   * Further keys of the orchestrator's config. Sweeps are off unless `sweep` is among them: they would come at any
   * moment, and cost calls.
   */
  readonly orchestratorConfig?: MoreKeys;
}

export interface StackHost {
  readonly name: string;
  readonly anka: AnkaHost;
  /** Its `plugins_path`. */
  readonly pluginsPath: string;
  /** The agent; another one after `restart`. */
  agent: BerthProcess;
  readonly restart: () => Promise<void>;
}

export interface Stack {
  readonly github: GitHubSimulator;
  readonly githubUrl: string;
  readonly webhookUrl: string;
  readonly webhookSecret: string;
  readonly client: Client;
  readonly hosts: readonly StackHost[];
  receiver: BerthProcess;
  orchestrator: BerthProcess;
  readonly restartReceiver: () => Promise<void>;
  /** `installation`: the folder of another Berth, as after an upgrade. */
  readonly restartOrchestrator: (installation?: string) => Promise<void>;
  /** Another orchestrator beside the first. */
  readonly addOrchestrator: () => Promise<BerthProcess>;
  /** Another host joins the fleet. */
  readonly addHost: (host: StackHostOptions) => Promise<StackHost>;
  /** A host is gone for good: its agent is killed, its VMs die, its disk is lost. It is no longer in `hosts`. */
  readonly loseHost: (name: string) => Promise<void>;
  /** Every process of Berth's, as it is now. */
  readonly processes: () => readonly BerthProcess[];
  /** Ends everything and removes the folder. */
  readonly stop: () => Promise<void>;
}

const WEBHOOK_SECRET = 'stack-webhook-secret-5f1c';

const DEFAULT_OWNER = 'acme';

const HOOK_ID = 7_001;

const NO_SWEEPS = { deliveries: 'off', queued: 'off', runners: 'off', jobs: 'off', vms: 'off' };

/** @throws what kept a part of it from starting; then nothing of it is left */
export async function startStack(options: StackOptions): Promise<Stack> {
  const started: (() => Promise<unknown>)[] = [];
  try {
    return await startParts(options, (end) => started.push(end));
  } catch (err) {
    await Promise.allSettled(started.map((end) => end()));
    await rm(options.dir, { recursive: true, force: true });
    throw err;
  }
}

/** @param onStart told of each part that runs, with what ends it */
async function startParts(options: StackOptions, onStart: (end: () => Promise<unknown>) => void): Promise<Stack> {
  const owner = options.owner ?? DEFAULT_OWNER;
  const port = await freePort();
  const webhookUrl = `http://127.0.0.1:${port}/webhooks/github`;
  const hook = { id: HOOK_ID, url: webhookUrl, secret: WEBHOOK_SECRET, kind: 'organization', owner } as const;
  const github = createGitHubSimulator({ owners: [{ login: owner }], ...options.github, hooks: [hook] });
  const { url: githubUrl } = await github.start();
  onStart(() => github.stop());
  const files: ConfigFiles = { dir: options.dir, temporal: options.temporal, githubApiUrl: `${githubUrl}/api/v3` };
  const commands = await writeCommands(options, files, port);
  const start: StartBerth = async (command) => {
    const berth = await startBerth(command);
    onStart(berth.kill);
    return berth;
  };
  const [receiver, orchestrator] = await allOf([start(commands.receiver), start(commands.orchestrator)]);
  const surroundings = { options, files, owner, start };
  const hosts: StackHost[] = await allOf(options.hosts.map((host) => startHost(host, surroundings)));
  const client = await connectClient(options.temporal);
  const joinedOrchestrators: BerthProcess[] = [];
  const stack: Stack = {
    github,
    githubUrl,
    webhookUrl,
    webhookSecret: WEBHOOK_SECRET,
    client,
    hosts,
    receiver,
    orchestrator,
    restartReceiver: async () => {
      stack.receiver = await startBerth(commands.receiver);
    },
    restartOrchestrator: async (installation) => {
      stack.orchestrator = await startBerth({ ...commands.orchestrator, installation });
    },
    addOrchestrator: async () => {
      const joined = await start({ ...commands.orchestrator, name: `orchestrator ${joinedOrchestrators.length + 2}` });
      joinedOrchestrators.push(joined);
      return joined;
    },
    addHost: async (host) => {
      const joined = await startHost(host, surroundings);
      hosts.push(joined);
      return joined;
    },
    loseHost: async (name) => {
      const at = hosts.findIndex((host) => host.name === name);
      const lost = hosts[at];
      if (lost === undefined) throw new Error(`no host is named ${name}`);
      hosts.splice(at, 1);
      await lost.agent.kill();
      await lost.anka.destroy();
    },
    processes: () => [stack.receiver, stack.orchestrator, ...joinedOrchestrators, ...hosts.map(({ agent }) => agent)],
    stop: () => stop(stack, options.dir),
  };
  return stack;
}

type StartBerth = (command: BerthCommand) => Promise<BerthProcess>;

/** As `Promise.all`, but only when all have settled: none starts after the others were given up. */
async function allOf<const T extends readonly Promise<unknown>[]>(
  all: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

async function writeCommands(
  options: StackOptions,
  files: ConfigFiles,
  port: number,
): Promise<{ readonly receiver: BerthCommand; readonly orchestrator: BerthCommand }> {
  const { credential, runnerRegistration = 'jit', receiverConfig } = options;
  const receiver = await writeReceiverConfig(files, { port, secret: WEBHOOK_SECRET, more: receiverConfig });
  const owner = options.owner ?? DEFAULT_OWNER;
  const entry = { name: 'receiver', plugin: 'github_receiver', port, secret: WEBHOOK_SECRET, owner, hook_id: HOOK_ID };
  const orchestrator = await writeOrchestratorConfig(files, credential, {
    runner_registration: runnerRegistration,
    sweep: NO_SWEEPS,
    plugins: options.redelivers === true ? [entry] : [],
    ...options.orchestratorConfig,
  });
  return {
    receiver: {
      name: 'receiver',
      args: ['receiver', '--listen', '127.0.0.1', '-c', receiver],
      env: {},
      readyMessage: 'receiver listens',
    },
    orchestrator: {
      name: 'orchestrator',
      args: ['orchestrator', '-c', orchestrator],
      env: {},
      readyMessage: 'orchestrator started',
    },
  };
}

interface Surroundings {
  readonly options: StackOptions;
  readonly files: ConfigFiles;
  readonly owner: string;
  readonly start: StartBerth;
}

async function startHost(host: StackHostOptions, { options, files, owner, start }: Surroundings): Promise<StackHost> {
  const anka = await createAnkaHost({ ...host.anka, dir: join(options.dir, host.name, 'anka') });
  const config = await writeHostConfig(files, {
    name: host.name,
    slots: host.slots ?? 2,
    owner: host.owner ?? owner,
    repo: host.repo,
    enterprise: host.enterprise,
    runnerGroup: host.runnerGroup,
    registrationTimeoutSeconds: host.registrationTimeoutSeconds ?? options.registrationTimeoutSeconds ?? 60,
    config: host.config,
    slotConfig: host.slotConfig,
  });
  const command: BerthCommand = {
    name: `host ${host.name}`,
    args: ['host', '-c', config],
    env: anka.env(),
    readyMessage: 'host announced',
  };
  const stackHost: StackHost = {
    name: host.name,
    anka,
    pluginsPath: pluginsPathOf(options.dir, host.name),
    agent: await start(command),
    restart: async () => {
      stackHost.agent = await startBerth(command);
    },
  };
  return stackHost;
}

async function stop(stack: Stack, dir: string): Promise<void> {
  await Promise.all(stack.processes().map((process) => process.stop()));
  await stack.client.connection.close();
  await stack.github.stop();
  await Promise.all(stack.hosts.map(({ anka }) => anka.destroy()));
  await rm(dir, { recursive: true, force: true });
}
