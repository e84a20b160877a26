import { setFlagsFromString } from 'node:v8';

/**
 * A Mac's memory belongs to its VMs. The agent makes little garbage, so a small young generation and code kept compact
 * cost it no time that anyone could measure, and save a fifth of its memory. Call it before anything big is loaded.
 */
export function keepHeapSmall(): void {
  for (const flag of ['--max-semi-space-size=1', '--semi-space-growth-factor=1', '--optimize-for-size']) {
    setFlagsFromString(flag);
  }
}
