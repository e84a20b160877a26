/** What `berth` runs: each command starts one or more roles, and ends when the first of them does. */
export interface Role {
  readonly name: string;
  /** Settles when the role has ended: rejects when it broke. */
  readonly done: Promise<void>;
  /** Ends it in good order. May be called twice. */
  readonly stop: () => Promise<void>;
  /** What waits before the stop, in roles that can: jobs that run. */
  readonly drain?: RoleDrain;
}

export interface RoleDrain {
  /** Every stop waits, not only one that SIGQUIT asked for. */
  readonly always: boolean;
  /** Takes no new jobs, and waits for those that run: to a deadline of its own, or until `cut` is aborted. */
  readonly run: (cut: AbortSignal) => Promise<void>;
}
