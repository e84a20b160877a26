import { hostname, userInfo } from 'node:os';

/** Who gives this command, for those who see its effect later: `ada@desk`. */
export function operator(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A user without an entry in the system's list, as in a container.
    return hostname();
  }
}
