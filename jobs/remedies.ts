/** What the workflow does about a failure: its class. `docs/reference/failures.md` is made from these words. */
export const REMEDIES = {
  'retry-here': {
    does: 'The step is tried three times on the same VM. After that as `new-vm`.',
    attempt: true,
  },
  'new-vm': { does: 'This VM is given up and a new one is made, on another host where there is one.', attempt: true },
  'other-host': { does: 'As `new-vm`: what failed is the host, for this job. It is tried last.', attempt: true },
  'other-host-free': { does: 'The job goes to another host; this one is tried last.', attempt: false },
  'host-broken': {
    does: 'The job goes to another host. This one gets no jobs for five minutes, then one job tries whether it is mended.',
    attempt: false,
  },
  reseal: { does: 'Same VM, new registration, at most three times; then a new VM.', attempt: false },
  wait: {
    does: 'Nothing that a new VM would mend: asked again after a pause that grows to five minutes.',
    attempt: false,
  },
  'wait-for-reset': {
    does: 'The call is made again when GitHub allows it; the VM is kept meanwhile. After six hours as `wait`.',
    attempt: false,
  },
  'end-job': { does: 'The job can never run: it ends by `on_unrunnable`.', attempt: false },
  'let-go': {
    does: 'Berth lets go of the job and leaves it alone on GitHub: what kept it from running may pass.',
    attempt: false,
  },
  'job-lost': {
    does: "The job had begun there and is GitHub's to fail: it ends as `infra_lost`, and then by `on_infra_lost`.",
    attempt: false,
  },
} as const satisfies Record<string, { readonly does: string; readonly attempt: boolean }>;

export type Remedy = keyof typeof REMEDIES;
