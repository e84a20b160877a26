/**
 * Labels of hosts: words in a host's config for what not every host has, such as `iphone`. A job that names one in its
 * `runs-on` goes to a host with it only (`placement/host-labels.ts`). Pure.
 */

import { TAG_LABEL, TEMPLATE_LABEL, hasUnsafeCharacter } from './labels.js';

/** The labels of all hosts go from one run of the dispatcher to the next, so they are few and short. */
export const MOST_HOST_LABELS = 16;
const MOST_LENGTH = 100;

/** What every job on one's own hosts has: as a host's label it would keep them all from every other host. */
const OF_ALL_JOBS = 'self-hosted';

/** Why no host can have this label, in words; undefined when one can. */
export function whyNoHostLabel(label: string): string | undefined {
  const text = label.trim().toLowerCase();
  if (text === '') return 'it is empty';
  if (label.length > MOST_LENGTH) return `it is longer than ${MOST_LENGTH} characters`;
  if (hasUnsafeCharacter(label)) return 'it has a character that Berth takes in no label';
  if (text === OF_ALL_JOBS) return 'every job has it';
  return [TEMPLATE_LABEL, TAG_LABEL].some((start) => text.startsWith(start)) ? 'it names a template' : undefined;
}

/** Why no host can have these labels together; undefined when one can. */
export function whyNoHostLabels(labels: readonly string[]): string | undefined {
  if (labels.length > MOST_HOST_LABELS) return `it has ${labels.length} labels; at most ${MOST_HOST_LABELS} can be so`;
  for (const label of labels) {
    const why = whyNoHostLabel(label);
    if (why !== undefined) return `${JSON.stringify(label.slice(0, MOST_LENGTH))} is no label of a host: ${why}`;
  }
  return undefined;
}
