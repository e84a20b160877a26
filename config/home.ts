import { join, resolve } from 'node:path';

/** `~/x` → `<home>/x`; other paths stay as they are. */
export const expandHome = (path: string, home: string): string =>
  path === '~' ? home : path.startsWith('~/') ? join(home, path.slice(2)) : path;

/** As `expandHome`, made absolute: a later change of the working folder must not move it. */
export const absolutePath = (path: string, home: string): string => resolve(expandHome(path, home));
