/** The part `runners`: offline runners of ours without a workflow are removed from GitHub. */

import { z } from 'zod';
import { GitHubError, GitHubRateLimited } from '../../github/errors.js';
import type { GitHub } from '../../github/github.js';
import type { ListedRunner } from '../../github/runner-list.js';
import { isOurRunner, scopeText } from '../../jobs/names.js';
import type { Scope } from '../../jobs/scope.js';
import type { SweepLook } from '../../jobs/sweeps.js';
import type { Fleet, SweptHost } from './fleet.js';
import { createReport } from './part.js';
import type { ReportBuilder, SweepOfOnePart } from './part.js';
import { judgeRunner } from './runner-verdict.js';

export interface RunnersSweepDeps {
  readonly namePrefix: string;
  /** Those that the orchestrator's config names; those of the hosts' slots come to them. */
  readonly scopes: readonly Scope[];
  readonly github: Pick<GitHub, 'listRunners' | 'removeRunner'>;
  readonly fleet: Pick<Fleet, 'hosts' | 'openRunners' | 'isRunnerOpen'>;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** Pages of 100 in one sweep; the next one goes on where it ended. */
const MOST_PAGES = 50;

/** GitHub's word on a runner lags by up to a minute (actions/runner#4422); a person who asks waits less. */
const SIGHTINGS_APART_MS = 60_000;

const memorySchema = z.object({
  /** When a runner was first seen like this, by scope and id. */
  seen: z.record(z.string(), z.number()).default({}),
  /** Where the last sweep ended early. */
  next: z.object({ scope: z.string(), page: z.number() }).nullable().default(null),
});
type Memory = z.infer<typeof memorySchema>;

const EMPTY: Memory = { seen: {}, next: null };

/** Sightings that are remembered: the memory stays in history. */
const MOST_SEEN = 1_000;

interface Sweep {
  readonly look: SweepLook;
  readonly report: ReportBuilder;
  readonly open: ReadonlySet<string>;
  readonly hosts: readonly SweptHost[];
  readonly before: Memory['seen'];
  /** Seen in this look and not dealt with; and those of pages that it did not come to. */
  readonly seen: Map<string, number>;
  readonly now: number;
}

export function createRunnersSweep(deps: RunnersSweepDeps): SweepOfOnePart {
  const { namePrefix, github, fleet, now = Date.now } = deps;

  return async (look) => {
    const memory = memorySchema.safeParse(look.memory ?? EMPTY).data ?? EMPTY;
    const report = createReport('runners');
    const hosts = await fleet.hosts();
    const scopes = startingAt(distinct([...deps.scopes, ...hosts.flatMap((host) => host.scopes)]), memory.next?.scope);
    // Asked first: a runner that comes later has a workflow that is looked up by itself.
    const open = await fleet.openRunners();
    const seen = new Map(Object.entries(memory.seen));
    const sweep: Sweep = { look, report, open, hosts, before: memory.seen, seen, now: now() };
    const next = await eachPage(scopes, memory.next?.page ?? 1, sweep);
    if (next !== null) report.incomplete();
    return report.report({ seen: Object.fromEntries([...seen].slice(-MOST_SEEN)), next });
  };

  /** @returns where to go on next time; null: it came to the end */
  async function eachPage(scopes: readonly Scope[], firstPage: number, sweep: Sweep): Promise<Memory['next']> {
    let pages = 0;
    let from = firstPage;
    for (const scope of scopes) {
      const there = new Set<string>();
      for (let page = from; ; page += 1, pages += 1) {
        if (pages >= MOST_PAGES) return { scope: scopeText(scope), page };
        try {
          const { runners, isLast, calls } = await github.listRunners(scope, page);
          sweep.report.called(calls);
          for (const runner of runners) {
            there.add(keyOf(scope, runner));
            await one(scope, runner, sweep);
          }
          if (!isLast) continue;
          forgetGone(scope, there, from, sweep.seen);
        } catch (err) {
          if (err instanceof GitHubRateLimited) return { scope: scopeText(scope), page };
          if (!(err instanceof GitHubError)) throw err;
          sweep.report.found(`runners of ${scopeText(scope)}`, err.message, 'failed');
        }
        break;
      }
      from = 1;
    }
    return null;
  }

  async function one(scope: Scope, runner: ListedRunner, sweep: Sweep): Promise<void> {
    const { name, isOnline, isBusy } = runner;
    if (!isOurRunner(namePrefix, name)) return;
    const { look, report, seen } = sweep;
    report.looked();
    const key = keyOf(scope, runner);
    const seenAt = sweep.before[key];
    const verdict = judgeRunner({
      isOnline,
      isBusy,
      hasWorkflow: sweep.open.has(name) || (await fleet.isRunnerOpen(name)),
      vmOn: sweep.hosts.find(({ vms }) => vms.includes(name))?.host ?? null,
      wasSeen: seenAt !== undefined && (look.byHand || sweep.now - seenAt >= SIGHTINGS_APART_MS),
    });
    if (verdict.is === 'seen') seen.set(key, seenAt ?? sweep.now);
    else if (verdict.is !== 'condemned') seen.delete(key);
    if (verdict.is === 'fine') return;
    const what = `runner ${name} of ${scopeText(scope)}`;
    if (verdict.is !== 'condemned') report.found(what, verdict.why, verdict.is);
    else if (look.dryRun) report.found(what, verdict.why, 'would');
    else if (await remove({ scope, runner, what, why: verdict.why }, report)) seen.delete(key);
  }

  /** @returns whether it is not there any more */
  async function remove(
    { scope, runner, what, why }: { scope: Scope; runner: ListedRunner; what: string; why: string },
    report: ReportBuilder,
  ): Promise<boolean> {
    report.called();
    const answer = await github.removeRunner({ scope, runner: runner.name, runnerId: runner.id });
    if (answer === 'removed') report.found(what, why, 'removed');
    if (answer === 'busy') report.found(what, `${why}: GitHub removes it only once it gives its job up`, 'left');
    return answer !== 'busy';
  }
}

const keyOf = (scope: Scope, { id }: ListedRunner): string => `${scopeText(scope).toLowerCase()}#${id}`;

/** What was seen before and is not on GitHub any more; known only when all pages were read. */
function forgetGone(scope: Scope, there: ReadonlySet<string>, from: number, seen: Map<string, number>): void {
  if (from !== 1) return;
  const start = `${scopeText(scope).toLowerCase()}#`;
  for (const key of [...seen.keys()]) if (key.startsWith(start) && !there.has(key)) seen.delete(key);
}

/** GitHub compares names without case. */
function distinct(scopes: readonly Scope[]): readonly Scope[] {
  const byText = new Map(scopes.map((scope) => [scopeText(scope).toLowerCase(), scope]));
  return [...byText.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, scope]) => scope);
}

/** The same, from the one with this text on, and round again. */
function startingAt(scopes: readonly Scope[], text: string | undefined): readonly Scope[] {
  const index = Math.max(
    0,
    scopes.findIndex((scope) => scopeText(scope) === text),
  );
  return [...scopes.slice(index), ...scopes.slice(0, index)];
}
