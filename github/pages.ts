/** Lists that come in pages. */

import type { GitHubCall, Session } from './session.js';
import type { HttpAnswer } from './http.js';

export const PAGE_SIZE = 100;

/** A group holds at most 10,000 runners (GitHub docs "Usage limits"): no list that Berth reads is longer. */
const MOST_PAGES = 100;

/** Asks for page after page until one is not full, or `pick` found what it looks for. */
export async function firstInPages<Item, Found>(
  session: Session,
  call: GitHubCall,
  read: (answer: HttpAnswer) => readonly Item[],
  pick: (items: readonly Item[]) => Found | undefined,
): Promise<Found | undefined> {
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const items = read(await session.call({ ...call, params: { ...call.params, per_page: PAGE_SIZE, page } }));
    const found = pick(items);
    if (found !== undefined || items.length < PAGE_SIZE) return found;
  }
  return undefined;
}
