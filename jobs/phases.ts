/**
 * How long each phase in the life of a VM may last. They are settings of a host (config `timeouts`, `host_return_grace`),
 * because its disk, its network and its templates make them long or short; the host says them with its slots, so that a
 * granted runner carries the limits it lives by in its own history. Milliseconds.
 */
export interface PhaseLimits {
  /** `anka registry pull`. */
  readonly pullMs: number;
  readonly cloneMs: number;
  /** Until the hypervisor has the VM. */
  readonly startMs: number;
  /** From then until its guest answers. */
  readonly guestMs: number;
  /** Until GitHub has answered the registration. Its rate limits do not count: they are waited for. */
  readonly registerMs: number;
  /** The runner is installed, if need be, and started in the guest. */
  readonly startRunnerMs: number;
  readonly deleteMs: number;
  /** How long a silent host is waited for while a job runs on it. */
  readonly hostReturnMs: number;
}

const MINUTE = 60_000;

export const DEFAULT_LIMITS: PhaseLimits = {
  // 100 GB at 20 MB/s.
  pullMs: 90 * MINUTE,
  // Copy-on-write, so seconds; minutes on a disk that is busy with a pull.
  cloneMs: 5 * MINUTE,
  // Returns when the VM was handed to the hypervisor; waits for disk and keychain at worst.
  startMs: 3 * MINUTE,
  // Cold boots of macOS take up to two minutes.
  guestMs: 4 * MINUTE,
  registerMs: 10 * MINUTE,
  // Includes the download of the runner, where the template has none: 200 MB.
  startRunnerMs: 9 * MINUTE,
  // Removes tens of gigabytes of blocks.
  deleteMs: 8 * MINUTE,
  // The VM may well be alive, and GitHub gives a silent runner about as long.
  hostReturnMs: 10 * MINUTE,
};

/** All of them, of which a slot names those that differ from the defaults. */
export const limitsOf = (slot: { readonly limits?: Partial<PhaseLimits> }): PhaseLimits => ({
  ...DEFAULT_LIMITS,
  ...slot.limits,
});

/** Those that differ from the defaults; undefined when none does. Thousands of slots need not repeat what all know. */
export function changedLimits(limits: PhaseLimits): Partial<PhaseLimits> | undefined {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof PhaseLimits)[];
  const changed = names.filter((name) => limits[name] !== DEFAULT_LIMITS[name]);
  return changed.length === 0 ? undefined : Object.fromEntries(changed.map((name) => [name, limits[name]]));
}
