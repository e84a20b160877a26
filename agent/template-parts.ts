/** What the agent keeps and does about templates, put together from its config. */

import { join } from 'node:path';
import type { Logger } from 'pino';
import { isLabelValue } from '../jobs/labels.js';
import { DEFAULT_LIMITS } from '../jobs/phases.js';
import type { Provider, TemplateRef } from '../providers/provider.js';
import { AgentFailure } from './failure.js';
import type { Holds } from './holds.js';
import type { HostAgentConfig } from './host-agent.js';
import type { Library } from './library.js';
import { prePull } from './pre-pull.js';
import { openPullRecord } from './pull-record.js';
import { createTemplateRoom } from './template-room.js';
import { openTemplateUses } from './template-uses.js';
import type { TemplateUses } from './template-uses.js';
import { createTemplates } from './templates.js';
import type { Templates, TemplateSource } from './templates.js';

export interface TemplateParts {
  readonly templates: Templates;
  /** Resolves when the uses and the pull under way are on disk, or could not be written. */
  readonly saved: () => Promise<unknown>;
  readonly uses: TemplateUses;
  /**
   * Pulls one template for later, if it is not here.
   * @throws AgentFailure `TemplatePullFailed` where nothing is ever pulled; ProviderError as `Provider.pull`
   */
  readonly pull: PullTemplate;
  /** Pulls what the config names; resolves when that is done, or at the abort. */
  readonly prePull: (signal: AbortSignal) => Promise<void>;
}

export type PullTemplate = (
  ref: TemplateRef,
  context: { readonly signal: AbortSignal; readonly progress: (what: string) => void },
) => Promise<{ readonly tag: string; readonly pulled: boolean }>;

export interface TemplatePartsDeps {
  readonly config: HostAgentConfig;
  readonly bootId: string;
  readonly provider: Provider;
  readonly library: Library;
  readonly holds: Holds;
  /** A pull began or ended. */
  readonly onPulling: () => void;
  readonly log: Logger;
}

export async function createTemplateParts(deps: TemplatePartsDeps): Promise<TemplateParts> {
  const { config, bootId, provider, library, holds, onPulling, log } = deps;
  const { host, namePrefix, slots, templates: named = [] } = config;
  const isLive = (runner: string): boolean => holds.find(runner) !== undefined || isListed(library, runner);
  const uses = await openTemplateUses({ file: join(config.stateDir, 'templates.json'), isLive, log });
  const pinned = named.map(({ template }) => template);
  const registries = [...new Set(slots.map(({ registryUrl }) => registryUrl))];
  const room = createTemplateRoom({ host, namePrefix, provider, library, uses, isLive, pinned, registries, log });
  const { pullMs: limitMs } = config.limits ?? DEFAULT_LIMITS;
  const record = await openPullRecord({ file: join(config.stateDir, 'pull.json'), bootId, limitMs, log });
  const templates = createTemplates({ host, provider, library, uses, room, record, onPulling, log });
  const source = prePullSource(config);
  const pull: PullTemplate = async ({ template, tag }, { signal, progress }) => {
    // It ends up in a command's arguments.
    if (![template, tag].every(isLabelValue)) throw cannotPull(host, 'that is not the name of a template and a tag');
    if (source.skipPull) throw cannotPull(host, '`skip_pull` is set in each entry of its config');
    return templates.ensure({ template, tag }, source, signal, progress);
  };
  const saved = (): Promise<unknown> => Promise.all([uses.saved(), record.saved()]);
  return {
    templates,
    uses,
    saved,
    pull,
    prePull: (signal) => prePull({ wanted: named, source, templates, log }, signal),
  };
}

const cannotPull = (host: string, why: string): AgentFailure =>
  new AgentFailure('TemplatePullFailed', `host ${host} pulls no such template: ${why}`);

/** In doubt it is there: before the first list nothing is known. */
const isListed = (library: Library, vm: string): boolean => library.last()?.some(({ name }) => name === vm) ?? true;

/** Registry and buffer of the first slot that pulls at all. */
const prePullSource = ({ slots }: HostAgentConfig): TemplateSource =>
  slots.find(({ skipPull }) => !skipPull) ?? { skipPull: true };
