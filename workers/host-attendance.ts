import { pause } from '../agent/waiting.js';

/** Whether the host's workflow has its eye on this agent: as long as an `attend` runs here. */
export interface Attendance {
  readonly during: <T>(attend: () => Promise<T>) => Promise<T>;
  /** Resolves once nobody has attended for so long. @throws the signal's reason */
  readonly lapsed: (afterMs: number, signal: AbortSignal) => Promise<void>;
}

export function createAttendance(): Attendance {
  let attending = 0;
  let lastAt = performance.now();
  return {
    during: async (attend) => {
      attending++;
      try {
        return await attend();
      } finally {
        attending--;
        lastAt = performance.now();
      }
    },
    lapsed: async (afterMs, signal) => {
      lastAt = performance.now();
      while (attending > 0 || performance.now() - lastAt < afterMs) await pause(afterMs / 4, signal);
    },
  };
}
