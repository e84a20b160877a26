/** A VM from its template: the right tag of it, also when another job's pull or an operator changes the template. */

import type { Logger } from 'pino';
import type { TemplateInput } from '../activities/contracts.js';
import type { Provider } from '../providers/provider.js';
import { AgentFailure, failureType } from './failure.js';
import type { Held } from './holds.js';
import type { Library } from './library.js';
import type { TemplateUses } from './template-uses.js';
import type { Templates, TemplateSource } from './templates.js';
import { orAborted } from './waiting.js';

export interface CloningDeps {
  readonly provider: Provider;
  readonly library: Library;
  readonly templates: Templates;
  readonly uses: Pick<TemplateUses, 'note'>;
  readonly sources: ReadonlyMap<string, TemplateSource>;
  readonly log: Logger;
}

type Progress = (what: string) => void;

export interface Cloning {
  /** Makes sure that the template is here. @throws AgentFailure, ProviderError as `Templates.ensure` */
  readonly ensure: (
    held: Held,
    input: TemplateInput,
    signal: AbortSignal,
    progress: Progress,
  ) => Promise<{ readonly tag: string; readonly pulled: boolean }>;
  /** Makes the VM; a second time is as good as the first. */
  readonly clone: (held: Held, input: TemplateInput, signal: AbortSignal, progress: Progress) => Promise<void>;
}

export function createCloning({ provider, library, templates, uses, sources, log }: CloningDeps): Cloning {
  /** Per VM: what its template's count was when it was ensured. */
  const ensuredAt = new WeakMap<Held, number>();

  const ensure: Cloning['ensure'] = async (held, input, signal, progress) => {
    // Asked once: the hold's own look tells of the templates, too.
    await orAborted(held.confirmed, signal);
    const answer = await templates.ensure(input, sourceOf(input.slot), signal, progress);
    ensuredAt.set(held, templates.replaced(input.template));
    return answer;
  };

  function sourceOf(slot: string): TemplateSource {
    const source = sources.get(slot);
    if (source === undefined) throw new AgentFailure('SlotRefused', `no slot is named ${slot} on this host any more`);
    return source;
  }

  const isEnsured = (held: Held, { template }: TemplateInput): boolean =>
    ensuredAt.get(held) === templates.replaced(template);

  const clone: Cloning['clone'] = async (held, input, signal, progress) => {
    // Before the first wait: a template in use is not removed to make room.
    uses.note(input.template, input.runner);
    if (!isEnsured(held, input) && (await cloneAtOnce(held, input, signal, progress))) return;
    for (;;) {
      // Another job's pull may have put another tag in its place, or the agent was restarted since.
      if (!isEnsured(held, input)) await ensure(held, input, signal, progress);
      progress(`clones ${input.template}`);
      const isDone = await templates.whileKept(input.template, signal, async () => {
        if (!isEnsured(held, input)) return false;
        await cloneOnce(input, signal).catch((err: unknown) => {
          throw failureType(err) === 'TemplateNotFound' ? vanished(input.template, err) : err;
        });
        return true;
      });
      if (isDone) return;
    }
  };

  /**
   * What was here a moment ago is cloned while the hold's look shows that it still is.
   *
   * @returns whether the VM is made, of the right template
   */
  async function cloneAtOnce(
    held: Held,
    input: TemplateInput,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<boolean> {
    if (!templates.seemsHere(input, library.last() ?? [])) return false;
    const count = templates.replaced(input.template);
    progress(`clones ${input.template}`);
    const isCloned = await templates
      .whileKept(input.template, signal, async () => {
        if (templates.replaced(input.template) !== count) return false;
        await cloneOnce(input, signal);
        return true;
      })
      .catch((err: unknown) => {
        // Deleted since: it is pulled again.
        if (failureType(err) === 'TemplateNotFound') return false;
        throw err;
      });
    if (!isCloned) return false;
    if (templates.seemsHere(input, await orAborted(held.confirmed, signal))) return true;
    log.warn({ runner: input.runner, template: input.template, tag: input.tag }, 'template changed, vm cloned anew');
    await provider.destroy(input.runner);
    return false;
  }

  /** A VM of this name that exists is what an interrupted clone left: nobody knows whether it is whole. */
  async function cloneOnce({ runner, template, tag }: TemplateInput, signal: AbortSignal): Promise<void> {
    try {
      await provider.clone({ template, tag }, runner, { signal });
    } catch (err) {
      if (failureType(err) !== 'CommandFailed' || !(await exists(runner))) throw err;
      log.warn({ runner, template }, 'vm of an interrupted clone replaced');
      await provider.destroy(runner);
      await provider.clone({ template, tag }, runner, { signal });
    }
  }

  const exists = async (runner: string): Promise<boolean> =>
    (await library.read(0)).some(({ name }) => name === runner);

  return { ensure, clone };
}

/** Not "there is no such template", which would end the job: only this host lacks it. */
const vanished = (template: string, cause: unknown): AgentFailure =>
  new AgentFailure('TemplatePullFailed', `template ${template} is not on this host (deleted, or skip_pull is set)`, {
    cause,
  });
