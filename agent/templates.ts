/** The host's templates: one pull at a time, and no clone of a template while that template is replaced or removed. */

import type { Logger } from 'pino';
import { LATEST } from '../jobs/labels.js';
import type { LibraryEntry, Provider, TemplateRef } from '../providers/provider.js';
import { progressText } from './disk-text.js';
import { AgentFailure, failureType } from './failure.js';
import { tagIn } from './library.js';
import type { Library } from './library.js';
import type { LeftPull, PullRecord } from './pull-record.js';
import type { TemplateRoom } from './template-room.js';
import type { TemplateUses } from './template-uses.js';
import { createSerial, orAborted } from './waiting.js';

/** The hold's list is this fresh when `ensureTemplate` follows it: no second look is needed. */
const LIST_FRESH_MS = 5_000;

/** Jobs without a tag ask the registry for something newer; not each job of a burst needs to. */
const LATEST_FRESH_MS = 60_000;

const DEFAULT_BUFFER_PERCENT = 10;

export interface TemplateSource {
  readonly registryUrl?: string;
  readonly skipPull: boolean;
  /** Percent of the disk that a pull must leave free; default: 10. */
  readonly diskBufferPercent?: number;
}

/** Who needs which template. Without a runner: it is pulled for later. */
export interface TemplateRequest extends TemplateRef {
  readonly runner?: string;
}

interface Ensured {
  readonly tag: string;
  readonly pulled: boolean;
}

export interface Templates {
  /**
   * Makes sure that the template is here with its tag; says what it waits for.
   * @throws AgentFailure `PullUnderWay` when a VM would have to wait for the pull of another template; `DiskFull`
   */
  readonly ensure: (
    request: TemplateRequest,
    source: TemplateSource,
    signal: AbortSignal,
    progress: (what: string) => void,
  ) => Promise<Ensured>;
  /** Whether it is here, by this list, and needs no pull: the answer without asking anyone. */
  readonly seemsHere: (ref: TemplateRef, library: readonly LibraryEntry[]) => boolean;
  /** How often this template was replaced: a VM whose template was ensured at an earlier count must look again. */
  readonly replaced: (template: string) => number;
  /** Runs `clone` while this template stays what it is. */
  readonly whileKept: <T>(template: string, signal: AbortSignal, clone: () => Promise<T>) => Promise<T>;
  /** What is being pulled right now. */
  readonly pulling: () => TemplateRef | undefined;
}

export interface TemplatesDeps {
  readonly host: string;
  readonly provider: Provider;
  readonly library: Library;
  readonly uses: TemplateUses;
  readonly room: TemplateRoom;
  readonly record: Omit<PullRecord, 'saved'>;
  /** A pull began or ended. */
  readonly onPulling: () => void;
  readonly log: Logger;
  readonly now?: () => number;
}

/** Something that clones of a template wait for. */
interface Change {
  readonly names: readonly string[];
  readonly ended: Promise<void>;
}

export function createTemplates(deps: TemplatesDeps): Templates {
  const { host, provider, library, uses, room, record, log, now = () => performance.now() } = deps;
  const pulls = createSerial();
  /** Pulls that were asked for and have not ended. */
  const wanted: TemplateRequest[] = [];
  const counts = new Map<string, number>();
  const latestAt = new Map<string, number>();
  const clones = new Map<string, Set<Promise<unknown>>>();
  let pulled: TemplateRef | undefined;
  let replacing: Change | undefined;
  let removing: Change | undefined;
  if (record.left !== undefined) void follow(record.left);

  /** As if it were our own pull: nothing else is pulled, and its template is not cloned, until it has ended. */
  async function follow({ ref, ended }: LeftPull): Promise<void> {
    log.warn({ ...ref }, 'pull left by an earlier agent goes on');
    wanted.push(ref);
    pulled = ref;
    await pulls.run(() => replace(ref.template, new AbortController().signal, ended).finally(endPull));
    wanted.splice(wanted.indexOf(ref), 1);
    log.info({ ...ref }, 'pull left by an earlier agent has ended');
  }

  function endPull(): void {
    pulled = undefined;
    record.ended();
    library.expire();
    deps.onPulling();
  }

  async function localTag(template: string, signal: AbortSignal): Promise<string | undefined> {
    // What is listed now may be gone in a moment.
    while (removing?.names.includes(template) === true) await orAborted(removing.ended, signal);
    const known = library.recent(LIST_FRESH_MS);
    return known === undefined ? (await provider.localTag(template, { signal }))?.tag : tagIn(known, template);
  }

  const isHere = async (ref: TemplateRef, signal: AbortSignal): Promise<string | undefined> =>
    ifGoodFor(ref, await localTag(ref.template, signal));

  function ifGoodFor({ template, tag }: TemplateRef, local: string | undefined): string | undefined {
    if (local === undefined) return undefined;
    if (tag !== LATEST) return local === tag ? local : undefined;
    const since = latestAt.get(template);
    return since !== undefined && now() - since < LATEST_FRESH_MS ? local : undefined;
  }

  const ensure: Templates['ensure'] = async (request, source, signal, progress) => {
    const { template, tag, runner } = request;
    // Before anything is awaited: from here on it is in use.
    if (runner !== undefined) uses.note(template, runner);
    if (source.skipPull) return { tag, pulled: false };
    const here = await isHere(request, signal);
    if (here !== undefined) return { tag: here, pulled: false };
    const other = wanted.find((pull) => pull.template !== template || pull.tag !== tag);
    // Its slot serves jobs whose template is here, instead of waiting for up to an hour.
    if (runner !== undefined && other !== undefined) throw pullUnderWay(other);
    if (wanted.length > 0) progress(`waits for the pull of ${wanted[0]?.template} to end`);
    wanted.push(request);
    try {
      return await pulls.run(async () => {
        // The pull before this one may have been of the same template.
        const nowHere = await isHere(request, signal);
        if (nowHere !== undefined) return { tag: nowHere, pulled: false };
        return pullOrKeep(request, source, signal, progress);
      }, signal);
    } finally {
      wanted.splice(wanted.indexOf(request), 1);
    }
  };

  const pullUnderWay = ({ template, tag }: TemplateRef): AgentFailure =>
    new AgentFailure('PullUnderWay', `host ${host} is pulling template ${template}, tag ${tag}, and one at a time`);

  /** Whoever asks for no tag is served with what is here when the registry is out of reach. */
  async function pullOrKeep(
    request: TemplateRequest,
    source: TemplateSource,
    signal: AbortSignal,
    progress: (what: string) => void,
  ): Promise<Ensured> {
    const { template, tag } = request;
    try {
      await pull(request, source, signal, progress);
    } catch (err) {
      const type = failureType(err);
      const mayKeep = tag === LATEST && (type === 'TemplatePullFailed' || type === 'RegistryUnavailable');
      const local = mayKeep ? await provider.localTag(template, { signal }) : undefined;
      if (local === undefined) throw err;
      log.warn({ err, template, tag: local.tag }, 'registry out of reach, local template used');
      return { tag: local.tag, pulled: false };
    }
    library.expire();
    await library.read(0);
    return { tag: (await localTag(template, signal)) ?? tag, pulled: true };
  }

  async function pull(
    { template, tag, runner }: TemplateRequest,
    source: TemplateSource,
    signal: AbortSignal,
    progress: (what: string) => void,
  ): Promise<void> {
    const { registryUrl, diskBufferPercent: bufferPercent = DEFAULT_BUFFER_PERCENT } = source;
    const what = `pulls ${template}, tag ${tag}`;
    progress(what);
    const since = now();
    pulled = { template, tag };
    deps.onPulling();
    try {
      const bytes = await room.make({ template, tag, registryUrl, bufferPercent, signal, progress, remove });
      progress(what);
      log.info({ template, tag, runner, bytes }, 'template pull started');
      await replace(template, signal, () =>
        provider.pull({ template, tag }, registryUrl, (done) => progress(what + progressText(done, bytes)), {
          signal,
          onProcess: (pid) => record.begun({ template, tag }, pid),
        }),
      );
      if (tag === LATEST) latestAt.set(template, now());
      uses.note(template, runner);
      log.info({ template, tag, runner, bytes, ms: Math.round(now() - since) }, 'template pulled');
    } finally {
      endPull();
    }
  }

  async function replace(template: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    let end = (): void => undefined;
    replacing = { names: [template], ended: new Promise<void>((resolve) => (end = resolve)) };
    try {
      await orAborted(Promise.allSettled([...(clones.get(template) ?? [])]), signal);
      // Even a pull that fails may have changed the template.
      countChange(template);
      await work();
    } finally {
      replacing = undefined;
      end();
    }
  }

  async function remove({ uuid, name }: LibraryEntry, mayGo: (now: LibraryEntry) => boolean): Promise<boolean> {
    const names = [uuid, name];
    let end = (): void => undefined;
    removing = { names, ended: new Promise<void>((resolve) => (end = resolve)) };
    try {
      const entry = (await library.read(0)).find((one) => one.uuid === uuid);
      // No clone of it begins any more; those that have begun noted their use before.
      if (entry === undefined || !mayGo(entry) || names.some((own) => (clones.get(own)?.size ?? 0) > 0)) return false;
      names.forEach(countChange);
      log.warn({ template: uuid, name }, 'unused template removed to make room');
      await provider.removeTemplate(uuid);
      uses.forget(names);
      return true;
    } finally {
      library.expire();
      removing = undefined;
      end();
    }
  }

  const countChange = (template: string): void => {
    counts.set(template, (counts.get(template) ?? 0) + 1);
  };

  const changeOf = (template: string): Change | undefined =>
    [replacing, removing].find((change) => change?.names.includes(template) === true);

  const whileKept: Templates['whileKept'] = async (template, signal, clone) => {
    for (let change = changeOf(template); change !== undefined; change = changeOf(template)) {
      await orAborted(change.ended, signal);
    }
    const running = clones.get(template) ?? new Set<Promise<unknown>>();
    clones.set(template, running);
    const cloned = clone();
    running.add(cloned);
    try {
      return await cloned;
    } finally {
      running.delete(cloned);
    }
  };

  return {
    ensure,
    whileKept,
    seemsHere: (ref, list) => ifGoodFor(ref, tagIn(list, ref.template)) !== undefined,
    replaced: (template) => counts.get(template) ?? 0,
    pulling: () => pulled,
  };
}
