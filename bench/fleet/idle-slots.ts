/** How long slots stood idle while a job that fits waited. Pure. */

/** Times are milliseconds since 1970. */
export interface Use {
  readonly slot: string;
  readonly from: number;
  readonly until: number | null;
}

export interface Idle {
  readonly slot: string;
  readonly from: number;
  readonly ms: number;
}

/**
 * The gaps between two VMs in a slot, longest first, as far as they lie in the time in which a job waited; the time from
 * `since` until a slot's first VM is a gap, too.
 *
 * @param until when the last job that waited had its slot
 */
export function idleSlots(
  slots: readonly string[],
  uses: readonly Use[],
  { since, until }: { readonly since: number; readonly until: number },
): readonly Idle[] {
  return slots
    .flatMap((slot) => {
      const own = uses.filter((use) => use.slot === slot).sort((a, b) => a.from - b.from);
      const gaps = [{ until: since }, ...own].map((before, index) => ({
        from: before.until ?? Infinity,
        to: own[index]?.from ?? Infinity,
      }));
      return gaps.map(({ from, to }) => ({ slot, from, ms: Math.min(to, until) - from }));
    })
    .filter(({ ms }) => ms > 0)
    .sort((a, b) => b.ms - a.ms);
}
