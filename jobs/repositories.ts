/** Whose something is: names of GitHub, compared as GitHub does. Pure. */

/** One repository, or with null all of an owner. */
export interface Repositories {
  readonly owner: string;
  readonly repo: string | null;
}

/** Without regard to case. (A name on GitHub is ASCII: it has one length, however it is written.) */
export const sameName = (a: string, b: string): boolean => a.length === b.length && a.toLowerCase() === b.toLowerCase();

/** Whether all of `others`, which may be a single repository, are among these. */
export const includes = (these: Repositories, others: Repositories): boolean =>
  sameName(these.owner, others.owner) &&
  (these.repo === null || (others.repo !== null && sameName(these.repo, others.repo)));
