/** Whose jobs are taken at all. Pure. */

import { includes } from './repositories.js';
import type { Repositories } from './repositories.js';

/** Those of these repositories and of no other; empty: everybody's. */
export type Intake = readonly Repositories[];

export const EVERYBODY: Intake = [];

export const takesJobsOf = (intake: Intake, owner: string, repo: string): boolean =>
  intake.length === 0 || intake.some((these) => includes(these, { owner, repo }));
