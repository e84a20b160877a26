/** What the host says of itself, and when there is something new to say. */

import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { DrainSource, HostReport, SlotReport, TemplateReport, VmSize } from '../activities/contracts.js';
import type { LibraryEntry, ProviderInfo, TemplateRef } from '../providers/provider.js';
import type { Holds } from './holds.js';
import type { Library } from './library.js';
import { ownVms } from './room.js';
import { foreignIn, templatesIn } from './sizes.js';
import type { Sizes } from './sizes.js';
import { orAborted } from './waiting.js';

export interface ReporterDeps {
  readonly host: string;
  readonly pool: string;
  readonly namePrefix: string;
  readonly stateDir: string;
  readonly resources?: { readonly cpus: number | null; readonly memoryBytes: number | null };
  readonly vmLimit: number;
  readonly version: string;
  readonly slots: readonly SlotReport[];
  readonly labels?: readonly string[];
  readonly agentId: string;
  readonly sessionId: string;
  readonly bootId: string;
  readonly holds: () => Holds;
  readonly library: () => Library;
  readonly sizes: Pick<Sizes, 'sizeOf' | 'ofAll'>;
  /** The template that is being pulled. */
  readonly pulling: () => TemplateRef | undefined;
}

export interface Reporter {
  readonly current: () => Promise<HostReport>;
  /** The report as soon as it is newer than this one; at once when `sessionId` is not this agent's. */
  readonly next: (known: { sessionId: string; sequence: number }, signal: AbortSignal) => Promise<HostReport>;
  /** Holds, VMs or templates may have changed; only a difference counts. */
  readonly noteChange: () => void;
  readonly setProvider: (info: ProviderInfo) => void;
  /** Something that a person must mend: no new jobs for five minutes. One text for each `kind`. */
  readonly noteProblem: (kind: string, problem: string) => void;
  /** It is mended: jobs may come at once. */
  readonly forgetProblem: (kind: string) => void;
  /** Who wants no new VMs here; nobody: they are taken. */
  readonly setDraining: (sources: readonly DrainSource[]) => void;
}

/** How long a problem is believed (milliseconds); then one job may try whether it has been mended. */
const BELIEVED_MS = 5 * 60_000;

/** The kind of problem that only a reboot mends. */
export const NEEDS_REBOOT = 'needs-reboot';

type Facts = Pick<
  HostReport,
  | 'provider'
  | 'templates'
  | 'holds'
  | 'heldSlots'
  | 'foreignVms'
  | 'foreignUse'
  | 'draining'
  | 'drainedBy'
  | 'pulling'
  | 'needsReboot'
>;

/**
 * A change of holds alone may wait this long: runners tell the dispatcher themselves when they come and go, so this only
 * mends its books, and a report for each would double the work that a job costs Temporal.
 */
const HOLDS_PAUSE_MS = 5_000;

export function createReporter(deps: ReporterDeps): Reporter {
  let sequence = 0;
  let provider: ProviderInfo = { kind: 'unknown', version: '', problems: [] };
  let drainedBy: readonly DrainSource[] = [];
  let saidUrgent = '';
  let saidHolds = '';
  let holdsTimer: NodeJS.Timeout | undefined;
  const passing = new Map<string, { readonly problem: string; readonly timer: NodeJS.Timeout }>();
  const waiters = new Set<() => void>();

  /** Everything but what changes by itself all the time. */
  const facts = (): Facts => {
    const library = deps.library().last() ?? [];
    const holds = deps
      .holds()
      .all()
      .map((held) => ({ ...held.entry() }));
    return {
      provider: {
        ...provider,
        problems: [...provider.problems, ...[...passing.values()].map(({ problem }) => problem)],
      },
      templates: templatesIn(library, deps.namePrefix).map((entry) => templateReport(entry, deps.sizes.sizeOf(entry))),
      holds: ownVms({ namePrefix: deps.namePrefix, holds, library }),
      heldSlots: Object.fromEntries(holds.map(({ runner, slot }) => [runner, slot])),
      foreignVms: foreignIn(library, deps.namePrefix).map(({ name }) => name),
      foreignUse: deps.sizes.ofAll(foreignIn(library, deps.namePrefix)),
      draining: drainedBy.length > 0,
      drainedBy,
      pulling: deps.pulling() ?? null,
      needsReboot: passing.has(NEEDS_REBOOT),
    };
  };

  /** For comparison with what was said last. */
  function texts(): { readonly urgent: string; readonly holds: string } {
    const { holds, heldSlots, ...urgent } = facts();
    return { urgent: JSON.stringify(urgent), holds: JSON.stringify([holds, heldSlots]) };
  }

  function noteChange(): void {
    const { urgent, holds } = texts();
    // Whoever drains a host waits for its last VM.
    if (urgent !== saidUrgent || (drainedBy.length > 0 && holds !== saidHolds)) {
      publish();
      return;
    }
    if (holds !== saidHolds) holdsTimer ??= setTimeout(publish, HOLDS_PAUSE_MS).unref();
  }

  function publish(): void {
    clearTimeout(holdsTimer);
    holdsTimer = undefined;
    const { urgent, holds } = texts();
    if (urgent === saidUrgent && holds === saidHolds) return;
    saidUrgent = urgent;
    saidHolds = holds;
    sequence++;
    for (const wake of waiters) wake();
    waiters.clear();
  }

  function forgetProblem(kind: string): void {
    clearTimeout(passing.get(kind)?.timer);
    if (passing.delete(kind)) noteChange();
  }

  async function current(): Promise<HostReport> {
    const { host, pool, agentId, sessionId, bootId, version, slots, labels = [], vmLimit } = deps;
    const resources = await resourcesOf(deps.stateDir, deps.resources);
    const identity = { host, pool, agentId, sessionId, bootId, version, vmLimit, ...(labels.length > 0 && { labels }) };
    return { ...identity, sequence, slots: slots.map(plainSlot), resources, ...facts() };
  }

  return {
    current,
    noteChange,
    next: async (known, signal) => {
      while (known.sessionId === deps.sessionId && known.sequence >= sequence) {
        let wake = (): void => undefined;
        const woken = new Promise<void>((resolve) => (wake = resolve));
        waiters.add(wake);
        await orAborted(woken, signal).finally(() => waiters.delete(wake));
      }
      return current();
    },
    setProvider: (info) => {
      provider = info;
      noteChange();
    },
    noteProblem: (kind, problem) => {
      clearTimeout(passing.get(kind)?.timer);
      passing.set(kind, { problem, timer: setTimeout(() => forgetProblem(kind), BELIEVED_MS).unref() });
      noteChange();
    },
    forgetProblem,
    setDraining: (sources) => {
      drainedBy = sources;
      noteChange();
    },
  };
}

async function resourcesOf(folder: string, configured: ReporterDeps['resources']): Promise<HostReport['resources']> {
  const { bavail, bsize } = await statfs(folder);
  return {
    cpus: configured?.cpus ?? availableParallelism(),
    memoryBytes: configured?.memoryBytes ?? totalmem(),
    diskFreeBytes: bavail * bsize,
  };
}

/** Slots may carry settings of this host's own, which are nobody else's business. */
function plainSlot(slot: SlotReport): SlotReport {
  const { name, scope, runnerGroup, registrationTimeoutMs, sleepInterval, retryAttempts } = slot;
  const { skipResourceChecks, limits } = slot;
  const plain = { name, scope, runnerGroup, registrationTimeoutMs, sleepInterval, retryAttempts };
  return {
    ...plain,
    ...(skipResourceChecks !== undefined && { skipResourceChecks }),
    ...(limits !== undefined && { limits }),
  };
}

function templateReport({ uuid, name, tag }: LibraryEntry, size: VmSize | undefined): TemplateReport {
  return { uuid, name, tag: tag ?? null, ...(size !== undefined && { size }) };
}
