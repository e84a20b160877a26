/** Reads a webhook's log from the newest delivery back to a mark, and on from where an earlier look had to end. */

import { GitHubError } from '../../github/errors.js';
import type { Deliveries, Delivery, Hook } from '../../github/deliveries.js';
import type { ReportBuilder } from './part.js';

/** Older pages that a look did not get to. */
export interface Rest {
  readonly cursor: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

export interface Logged {
  readonly deliveries: readonly Delivery[];
  /** Null: all was read. */
  readonly rest: Rest | null;
}

export interface DeliveryLogDeps {
  readonly github: Pick<Deliveries, 'listDeliveries'>;
  readonly hook: Hook;
  readonly report: ReportBuilder;
}

/** 100 deliveries each. */
const MOST_PAGES = 30;

/** The newest page only. */
export async function readNewest({ github, hook, report }: DeliveryLogDeps): Promise<readonly Delivery[]> {
  const { deliveries, calls } = await github.listDeliveries(hook, null);
  report.called(calls);
  return deliveries;
}

/** @param until epoch ms: nothing older is read, except what `rest` of the last look is about */
export async function readBack(deps: DeliveryLogDeps, until: number, rest: Rest | null): Promise<Logged> {
  const recent = await readFrom(deps, { cursor: null, until }, MOST_PAGES);
  if (recent.rest !== null) {
    // What the last look left is older still: one gap holds both.
    return { ...recent, rest: { ...recent.rest, until: Math.min(until, rest?.until ?? until) } };
  }
  if (rest === null || recent.pages >= MOST_PAGES) return { deliveries: recent.deliveries, rest };
  const older = await readFrom(deps, rest, MOST_PAGES - recent.pages).catch(forgottenCursor);
  return { deliveries: [...recent.deliveries, ...older.deliveries], rest: older.rest };
}

interface Read extends Logged {
  readonly pages: number;
}

async function readFrom(
  { github, hook, report }: DeliveryLogDeps,
  from: { readonly cursor: string | null; readonly until: number },
  mostPages: number,
): Promise<Read> {
  const deliveries: Delivery[] = [];
  let { cursor } = from;
  for (let pages = 1; ; pages += 1) {
    const page = await github.listDeliveries(hook, cursor);
    report.called(page.calls);
    deliveries.push(...page.deliveries.filter(({ at }) => at >= from.until));
    const hasMore = page.next !== null && (page.deliveries.at(-1)?.at ?? 0) >= from.until;
    if (!hasMore) return { deliveries, rest: null, pages };
    if (pages >= mostPages) return { deliveries, rest: { cursor: page.next, until: from.until }, pages };
    cursor = page.next;
  }
}

/** GitHub no longer takes a cursor of an earlier sweep: what lies behind it is lost to redelivery, not to other sweeps. */
function forgottenCursor(error: unknown): Read {
  if (error instanceof GitHubError && (error.status === 400 || error.status === 422)) {
    return { deliveries: [], rest: null, pages: 1 };
  }
  throw error;
}
