/**
 * Whether a host's report can be so. Placement adds up what hosts say of themselves, so one that reports nonsense (by a
 * fault, or by somebody who may talk to Temporal) must not get into the books. Pure; any input gives an answer.
 */

import type { HostReport, TemplateReport, VmSize } from '../activities/contracts.js';
import { whyNoHostLabels } from '../jobs/host-labels.js';

/** Providers whose VMs are macOS: their number is Apple's to limit, so many slots are a mistake. */
const MACOS_PROVIDERS: ReadonlySet<string> = new Set(['anka', 'tart']);
const MOST_MACOS_SLOTS = 32;
const MOST_SLOTS = 1_000;

/** Larger than any machine. */
const MOST_CPUS = 4_096;
const MOST_BYTES = 2 ** 60;

/** A day. None at all would be a timer that never ends. */
const MOST_GRACE_MS = 86_400_000;

const MOST_LISTED = 10_000;

/** Why this report is refused, in words; undefined when it may be so. */
export function whyNonsense(report: HostReport): string | undefined {
  try {
    return whyNotWhole(report) ?? whySlots(report) ?? whyResources(report) ?? whyTemplates(report) ?? whyLabels(report);
  } catch {
    return 'it is not a report: a part of it is missing';
  }
}

function whyNotWhole(report: HostReport): string | undefined {
  const { host, pool, agentId, sessionId, bootId, version } = report;
  for (const [key, text] of Object.entries({ host, pool, agentId, sessionId, bootId })) {
    if (typeof text !== 'string' || text === '') return `it has no ${key}`;
  }
  if (typeof version !== 'string') return 'it has no version';
  if (typeof report.draining !== 'boolean') return 'it does not say whether the host is draining';
  if (!isCount(report.sequence, Number.MAX_SAFE_INTEGER)) return `its sequence is ${shown(report.sequence)}`;
  const lists = { holds: report.holds, foreignVms: report.foreignVms, problems: report.provider.problems };
  for (const [key, list] of Object.entries(lists)) {
    if (!isListOf(list, (item) => typeof item === 'string')) return `its ${key} are not a list of names`;
  }
  return undefined;
}

function whySlots({ slots, vmLimit, provider, heldSlots }: HostReport): string | undefined {
  if (!isListOf(slots, ({ name }) => typeof name === 'string' && name !== ''))
    return 'its slots are not a list of slots';
  const most = MACOS_PROVIDERS.has(provider.kind) ? MOST_MACOS_SLOTS : MOST_SLOTS;
  const what = MACOS_PROVIDERS.has(provider.kind) ? 'macOS slots' : 'slots';
  if (slots.length > most) return `it has ${slots.length} ${what}; at most ${most} can be so`;
  if (!isCount(vmLimit, most)) return `its limit of VMs is ${shown(vmLimit)}; 0 to ${most} can be so`;
  if (new Set(slots.map(({ name }) => name)).size < slots.length) return 'two of its slots have one name';
  for (const { name, scope, sleepInterval, registrationTimeoutMs, retryAttempts, limits } of slots) {
    if (!['repo', 'org', 'enterprise'].includes(scope.kind)) return `slot ${name} has no scope`;
    const numbers = { sleepInterval, registrationTimeoutMs, retryAttempts, ...limits };
    for (const [key, value] of Object.entries(numbers)) {
      if (!isAmount(value, MOST_BYTES)) return `${key} of slot ${name} is ${shown(value)}`;
    }
    const { hostReturnMs = 1 } = limits ?? {};
    if (!isAmount(hostReturnMs, MOST_GRACE_MS) || hostReturnMs === 0) {
      return `hostReturnMs of slot ${name} is ${shown(hostReturnMs)}`;
    }
  }
  const isHeldSound = heldSlots === undefined || Object.values(heldSlots).every((slot) => typeof slot === 'string');
  return isHeldSound ? undefined : 'its held slots are not names';
}

function whyResources({ resources, foreignUse }: HostReport): string | undefined {
  const { cpus, memoryBytes, diskFreeBytes } = resources;
  if (!isAmount(cpus, MOST_CPUS) || cpus < 1) return `it has ${shown(cpus)} CPUs`;
  if (!isAmount(memoryBytes, MOST_BYTES) || memoryBytes === 0) return `it has ${shown(memoryBytes)} bytes of memory`;
  if (!isAmount(diskFreeBytes, MOST_BYTES)) return `it has ${shown(diskFreeBytes)} bytes of disk free`;
  const why = foreignUse === undefined ? undefined : whyNotSize(foreignUse, 0);
  return why === undefined ? undefined : `VMs of others use ${why}`;
}

function whyTemplates({ templates, pulling }: HostReport): string | undefined {
  if (!isListOf(templates, isTemplate)) return 'its templates are not a list of templates';
  for (const { name, size } of templates) {
    const why = size === undefined ? undefined : whyNotSize(size, 1);
    if (why !== undefined) return `its template ${name} has ${why}`;
  }
  const isPull = pulling == null || (typeof pulling.template === 'string' && typeof pulling.tag === 'string');
  return isPull ? undefined : 'what it pulls is not a template';
}

function whyLabels({ labels }: HostReport): string | undefined {
  if (labels === undefined) return undefined;
  if (!isListOf(labels, (label) => typeof label === 'string')) return 'its labels are not a list of texts';
  return whyNoHostLabels(labels);
}

const isTemplate = ({ uuid, name, tag }: TemplateReport): boolean =>
  typeof uuid === 'string' && typeof name === 'string' && (tag === null || typeof tag === 'string');

function whyNotSize({ cpus, memoryBytes, imageBytes = 0 }: VmSize, least: number): string | undefined {
  if (!isAmount(cpus, MOST_CPUS) || cpus < least) return `${shown(cpus)} CPUs`;
  if (!isAmount(memoryBytes, MOST_BYTES) || memoryBytes < least) return `${shown(memoryBytes)} bytes of memory`;
  return isAmount(imageBytes, MOST_BYTES) ? undefined : `an image of ${shown(imageBytes)} bytes`;
}

/** JSON has no NaN or Infinity: they arrive as null. */
const isAmount = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= most;

const isCount = (value: unknown, most: number): boolean => isAmount(value, most) && Number.isInteger(value);

const isListOf = <T>(list: readonly T[], test: (item: T) => boolean): boolean =>
  Array.isArray(list) && list.length <= MOST_LISTED && (list as readonly T[]).every(test);

const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : JSON.stringify(value ?? null));
