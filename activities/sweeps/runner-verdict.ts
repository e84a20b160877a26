/** Whether a runner on GitHub is one that was left. A pure function. */

export interface RunnerFacts {
  readonly isOnline: boolean;
  /** GitHub's word, which has been wrong both ways (actions/runner#4422). */
  readonly isBusy: boolean;
  /** Its `runner` workflow is open: that one takes care of it. */
  readonly hasWorkflow: boolean;
  /** The host that has its VM; null: none of the hosts says so. */
  readonly vmOn: string | null;
  /** It was seen like this before, long enough ago. */
  readonly wasSeen: boolean;
}

export type RunnerVerdict =
  { readonly is: 'fine' } | { readonly is: 'left' | 'seen' | 'condemned'; readonly why: string };

/**
 * Only what is offline, has no workflow and no VM can be of no use to anybody. Of what may have a VM the host decides,
 * which asks the guest: a runner that works may look idle, or lose its connection for a while.
 */
export function judgeRunner({ isOnline, isBusy, hasWorkflow, vmOn, wasSeen }: RunnerFacts): RunnerVerdict {
  if (hasWorkflow) return { is: 'fine' };
  if (isOnline) {
    const where = vmOn === null ? 'its VM runs somewhere' : `its VM runs on ${vmOn}`;
    return { is: 'left', why: `online without an open workflow: ${where}, and that host's sweep deals with it` };
  }
  if (vmOn !== null) {
    return {
      is: 'left',
      why: `offline without an open workflow, but its VM is still on ${vmOn}, whose sweep goes first`,
    };
  }
  const busy = isBusy ? ', though GitHub calls it busy' : '';
  return { is: wasSeen ? 'condemned' : 'seen', why: `offline${busy}, with no open workflow and no VM on any host` };
}
