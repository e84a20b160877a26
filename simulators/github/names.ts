/** Whether two names are the same to GitHub: without regard to case. What has no name is the same as nothing else. */
export const sameName = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase();
