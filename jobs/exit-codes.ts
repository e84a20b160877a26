/** The exit code of a runner that stands for "the VM is gone, and its runner with it" (also `anka run`'s for a lost guest). */
export const VM_LOST = 125;
