/** The agent of one host: everything it keeps and does, without Temporal's SDK. */

import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { AttendInput, DrainSource, HostReport, SlotReport } from '../activities/contracts.js';
import type { PhaseLimits } from '../jobs/phases.js';
import type { Provider, ProviderInfo, TemplateRef } from '../providers/provider.js';
import { createKeyPair } from '../secrets/seal.js';
import { takeAgentLock } from './agent-lock.js';
import { createDrainFile } from './drain-file.js';
import { createDraining, drainWords } from './draining.js';
import { createDestroyer } from './destroyer.js';
import type { Destroyer } from './destroyer.js';
import { failureType } from './failure.js';
import { createGuestQuestion } from './guest-question.js';
import { createGuestFiles, warningsAboutScripts } from './guest-files.js';
import { createHolds } from './holds.js';
import type { Held, Holds } from './holds.js';
import { agentId, bootId } from './identity.js';
import { openLedger } from './ledger.js';
import { createLibrary } from './library.js';
import type { Library } from './library.js';
import { mountProblems } from './mounts.js';
import { createReporter } from './report.js';
import type { Reporter } from './report.js';
import { createSizes } from './sizes.js';
import { agentStopped, createSlotHolder } from './slot-holder.js';
import type { HoldSlot } from './slot-holder.js';
import { createSweep } from './sweep.js';
import { createSweeper } from './sweeper.js';
import type { Sweeper } from './sweeper.js';
import { createTemplateParts } from './template-parts.js';
import type { PullTemplate, TemplateParts } from './template-parts.js';
import type { TemplateSource } from './templates.js';
import { watchLists } from './unreadable.js';
import type { ListWatch } from './unreadable.js';
import { createVmSteps } from './vm-steps.js';
import type { VmSteps } from './vm-steps.js';
import { noteProblems } from './problems.js';
import { createWatches } from './watches.js';
import type { Workflows } from './workflows.js';

export interface HostAgentConfig {
  readonly host: string;
  readonly pool: string;
  readonly namePrefix: string;
  /** Where the agent keeps its ledger, id and lock; made when missing. */
  readonly stateDir: string;
  /** `<pluginsPath>/handlers/github/*.bash` replace the shipped guest scripts. */
  readonly pluginsPath: string;
  /** While one of these is there, no new VMs are taken. */
  readonly drainFiles: readonly string[];
  /** The most VMs that may run at once: 2 for macOS guests (Apple's licence and kernel). */
  readonly vmLimit: number;
  readonly version: string;
  /** What VMs may have together; default: what the machine has. */
  readonly resources?: { readonly cpus: number | null; readonly memoryBytes: number | null };
  readonly slots: readonly (SlotReport & TemplateSource & { readonly mounts?: readonly string[] })[];
  /** What jobs may ask of this host by label; default: nothing. */
  readonly labels?: readonly string[];
  /** How long phases may last; default: `DEFAULT_LIMITS`. */
  readonly limits?: Pick<PhaseLimits, 'pullMs' | 'cloneMs' | 'startMs' | 'guestMs' | 'startRunnerMs' | 'deleteMs'>;
  /** Pulled at the start, and never removed to make room. */
  readonly templates?: readonly TemplateRef[];
  /** How often VMs that were left are looked for (milliseconds); default: a minute. Null: at the start, and when asked. */
  readonly sweepEveryMs?: number | null;
}

export interface HostAgentDeps {
  readonly config: HostAgentConfig;
  readonly provider: Provider;
  readonly workflows: Workflows;
  readonly log: Logger;
  /** Between the two looks at a VM that nobody answers for (milliseconds). */
  readonly lookAgainMs?: number;
  /** How often drain files are looked for (milliseconds). */
  readonly drainFileEveryMs?: number;
  /** Pauses of a watch that broke; see `WatchDeps`. */
  readonly watchPausesMs?: readonly number[];
  /** How often a long pull is told of; see `StepNewsDeps`. */
  readonly newsPausesMs?: readonly [number, number];
}

export interface HostAgent {
  readonly sessionId: string;
  readonly holdSlot: HoldSlot;
  readonly steps: VmSteps;
  readonly destroyVm: Destroyer['destroy'];
  readonly sweepVms: Sweeper['sweepNow'];
  /** For later; see `TemplateParts.pull`. */
  readonly pullTemplate: PullTemplate;
  readonly report: () => Promise<HostReport>;
  /** Does as its workflow wants (`drain`), then as `Reporter.next`. */
  readonly nextReport: (known: AttendInput, signal: AbortSignal) => Promise<HostReport>;
  /** Takes no new VMs while any source wants that; says so in the next report. */
  readonly setDraining: (source: DrainSource, isOn: boolean) => void;
  /** Names of the VMs it answers for. */
  readonly heldVms: () => readonly string[];
  /** First look at the host and first sweep; then one every `sweepEveryMs`. */
  readonly start: () => Promise<void>;
  /**
   * Ends what has not begun (`AgentStopped`) and waits a little for its VMs to be destroyed; running ones are left to
   * be adopted. To be called while activities still arrive.
   */
  readonly prepareStop: () => Promise<void>;
  /** Ends timers and watches and gives up the lock; VMs and ledger stay. */
  readonly close: () => Promise<void>;
}

/**
 * A job whose template is of no known size fits everywhere: the first report waits this long for `anka show` to have
 * answered for each template (a tenth of a second each).
 */
const SIZES_WITHIN_MS = 5_000;

/** How long a stop waits for the workflows of VMs that had not begun: an abort, a round trip and a delete. */
const STOP_WAITS_MS = 3_000;

/**
 * Opens the state folder and takes its lock.
 * @throws Error when another agent has it
 */
export async function createHostAgent(deps: HostAgentDeps): Promise<HostAgent> {
  const { config, log } = deps;
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 });
  const boot = await bootId();
  const lock = await takeAgentLock(config.stateDir, config.host, boot);
  try {
    const parts = await assemble(deps, boot);
    return {
      ...parts,
      close: async () => {
        await parts.end();
        await lock.release();
      },
    };
  } catch (err) {
    await lock.release();
    log.error({ err, stateDir: config.stateDir }, 'state folder not usable');
    throw err;
  }
}

type Parts = Omit<HostAgent, 'close'> & { readonly end: () => Promise<void> };

async function assemble(deps: HostAgentDeps, boot: string): Promise<Parts> {
  const { config, provider, workflows, log } = deps;
  const { host, namePrefix, stateDir } = config;
  const sessionId = randomUUID();
  const ledger = await openLedger(join(stateDir, 'holds'), namePrefix, log);
  const guestFiles = createGuestFiles(stateDir, config.pluginsPath);
  await guestFiles.clean();
  for (const warning of await warningsAboutScripts(config.pluginsPath)) log.warn({ warning }, 'guest script replaced');
  const keyPair = await createKeyPair();
  const identity = { agentId: await agentId(stateDir), sessionId, bootId: boot };
  const library: Library = createLibrary(provider, {
    onList: () => {
      lists.onList();
      reporter.noteChange();
      void sizes.look(library.last() ?? []);
    },
    onFailure: (err) => lists.onFailure(err),
  });
  const sizes = createSizes({ namePrefix, provider, log, onFound: () => reporter.noteChange() });
  const slots = config.slots.map(({ name }) => name);
  const holds: Holds = createHolds({ ...config, slots, ledger, library, log, onChange: () => reporter.noteChange() });
  const pulling = (): TemplateRef | undefined => parts.templates.pulling();
  const reporter = createReporter({
    ...config,
    ...identity,
    holds: () => holds,
    library: () => library,
    sizes,
    pulling,
  });
  const lists = watchLists({ reporter, lookSoon: () => sweeper.soon() });
  const destroyer = createDestroyer({ provider, library, holds, log });
  const watches = createWatches({
    provider,
    library,
    workflows,
    log,
    ...(deps.watchPausesMs !== undefined && { pausesMs: deps.watchPausesMs }),
  });
  const askGuest = createGuestQuestion(provider, library);
  const sweep = createSweep({ namePrefix, library, holds, destroyer, workflows, askGuest, log });
  const probe = (): Promise<ProviderInfo> => probeAll(deps);
  const sweeper = createSweeper({
    sweep,
    probe,
    reporter,
    log,
    everyMs: config.sweepEveryMs,
    lookAgainMs: deps.lookAgainMs,
  });
  const watchIfStarted = (held: Held): void => {
    if (held.entry().started) watches.begin(held);
  };
  const holdSlot = createSlotHolder({
    holds,
    destroyer,
    workflows,
    log,
    onAttended: watchIfStarted,
    onLeft: sweeper.soon,
  });
  const onPulling = (): void => reporter.noteChange();
  const parts: TemplateParts = await createTemplateParts({
    config,
    bootId: boot,
    provider,
    library,
    holds,
    onPulling,
    log,
  });
  const { templates, uses } = parts;
  const ending = new AbortController();
  const steps = createVmSteps({
    provider,
    library,
    holds,
    templates,
    uses,
    news: { workflows, log, ...(deps.newsPausesMs && { pausesMs: deps.newsPausesMs }) },
    mountsOf: (slot) => config.slots.find(({ name }) => name === slot)?.mounts ?? [],
    guestFiles,
    keyPair,
    sources: new Map(config.slots.map((slot) => [slot.name, slot])),
    log,
    onStarted: watches.begin,
    ...(config.limits && { limits: config.limits }),
  });
  const draining = createDraining((sources) => {
    holds.close(sources.length === 0 ? undefined : `host ${host} is draining: ${drainWords(sources)}`);
    log.info({ host, drainedBy: sources }, sources.length === 0 ? 'new vms are taken' : 'no new vms are taken');
    reporter.setDraining(sources);
  });
  const drainFile = createDrainFile({
    files: config.drainFiles,
    onLook: (isThere) => draining.set('file', isThere),
    log,
    everyMs: deps.drainFileEveryMs,
  });
  return {
    sessionId,
    holdSlot,
    steps: noteProblems(steps, { library, holds, reporter }),
    destroyVm: destroyer.destroy,
    sweepVms: sweeper.sweepNow,
    pullTemplate: parts.pull,
    report: async () => {
      await sizes.settled(SIZES_WITHIN_MS);
      return reporter.current();
    },
    nextReport: async (known, signal) => {
      draining.set('operator', known.drain === true);
      if (known.sessionId !== sessionId) await sizes.settled(SIZES_WITHIN_MS);
      return reporter.next(known, signal);
    },
    setDraining: draining.set,
    heldVms: () => holds.all().map((held) => held.entry().runner),
    start: async () => {
      await drainFile.start();
      await lookAtHost({ probe, library, lists, reporter, log });
      // Only where the VM runs: a command for a stopped one would start it.
      const running = new Set(library.last()?.flatMap(({ name, status }) => (status === 'running' ? [name] : [])));
      for (const held of holds.all()) if (running.has(held.entry().runner)) watchIfStarted(held);
      sweeper.start();
      void parts.prePull(ending.signal);
    },
    prepareStop: async () => {
      draining.set('stop', true);
      await endUnbegun(host, holds);
    },
    end: async () => {
      ending.abort();
      drainFile.stop();
      sweeper.stop();
      watches.stopAll();
      await parts.saved();
    },
  };
}

/** The provider's own word, and what the config asks of it that it cannot do. */
async function probeAll({ provider, config }: HostAgentDeps): Promise<ProviderInfo> {
  const info = await provider.probe();
  const mounts = config.slots.flatMap((slot) => slot.mounts ?? []);
  const problems = [...info.problems, ...(await mountProblems(info, mounts))];
  return { ...info, problems };
}

interface FirstLook {
  readonly probe: () => Promise<ProviderInfo>;
  readonly library: Library;
  readonly lists: ListWatch;
  readonly reporter: Reporter;
  readonly log: Logger;
}

async function lookAtHost({ probe, library, lists, reporter, log }: FirstLook): Promise<void> {
  const info = await probe();
  reporter.setProvider(info);
  for (const problem of info.problems) log.error({ problem }, 'host cannot run vms');
  try {
    await library.read(0);
  } catch (err) {
    if (failureType(err) === undefined) throw err;
    log.error({ err }, 'vms not listed');
    if (info.problems.length === 0) lists.believe(err);
  }
  reporter.noteChange();
}

async function endUnbegun(host: string, holds: Holds): Promise<void> {
  const unbegun = holds.all().filter((held) => !held.entry().started && held.attended > 0);
  if (unbegun.length === 0) return;
  for (const held of unbegun) held.abort.abort(agentStopped(host));
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_WAITS_MS)));
  await Promise.race([limit, Promise.all(unbegun.map(({ released }) => released))]);
  clearTimeout(timer);
}
