/** How large the VM of a job will be, as far as any host can tell: a VM is as large as its template. */

import type { VmSize } from '../activities/contracts.js';
import { LATEST } from '../jobs/labels.js';
import type { Fleet, FleetHost } from './fleet.js';

/** What a job wants a VM of. */
export interface Wish {
  readonly template: string;
  readonly tag: string;
}

/** Answers undefined for a template that no host has, or whose size its hosts don't tell. */
export type SizeBook = (wish: Wish) => VmSize | undefined;

/**
 * Where hosts differ, and for `latest`, whose next tag nobody knows, the smallest counts: nobody must wait, or be given
 * up, for a size that may not be so.
 */
export function sizeBook(fleet: Fleet): SizeBook {
  const sizes = new Map<string, VmSize>();
  const note = (template: string, tag: string, size: VmSize): void => {
    const key = keyOf({ template, tag });
    const known = sizes.get(key);
    sizes.set(key, known === undefined ? size : smaller(known, size));
  };
  for (const { report } of Object.values(fleet.hosts)) {
    for (const { uuid, name, tag, size } of report.templates) {
      if (size === undefined) continue;
      for (const id of uuid === name ? [uuid] : [uuid, name]) {
        if (tag !== null && tag !== LATEST) note(id, tag, size);
        note(id, LATEST, size);
      }
    }
  }
  return (wish) => sizes.get(keyOf(wish));
}

const keyOf = ({ template, tag }: Wish): string => `${template}\n${tag}`;

function smaller(a: VmSize, b: VmSize): VmSize {
  const images = [a.imageBytes, b.imageBytes].filter((bytes) => bytes !== undefined);
  return {
    cpus: Math.min(a.cpus, b.cpus),
    memoryBytes: Math.min(a.memoryBytes, b.memoryBytes),
    ...(images.length > 0 && { imageBytes: Math.min(...images) }),
  };
}

/** CPUs and memory. */
export interface Amount {
  readonly cpus: number;
  readonly memoryBytes: number;
}

export const NOTHING: Amount = { cpus: 0, memoryBytes: 0 };

/** Whether a VM of this size finds enough in this amount; one of unknown size does: the host decides. */
export const fitsIn = (size: VmSize | undefined, amount: Amount): boolean =>
  size === undefined || (size.cpus <= amount.cpus && size.memoryBytes <= amount.memoryBytes);

export const less = (a: Amount, b: Amount): Amount => ({
  cpus: a.cpus - b.cpus,
  memoryBytes: a.memoryBytes - b.memoryBytes,
});

export const plus = (a: Amount, b: Amount): Amount => ({
  cpus: a.cpus + b.cpus,
  memoryBytes: a.memoryBytes + b.memoryBytes,
});

/** What a host has when nothing of Berth's runs there. VMs of others may stay for ever. */
export const forBerth = ({ report }: FleetHost): Amount => less(report.resources, report.foreignUse ?? NOTHING);

const GB = 2 ** 30;

/** "12 CPUs, 32 GB". */
export function amountText({ cpus, memoryBytes }: Amount): string {
  return `${cpus} CPU${cpus === 1 ? '' : 's'}, ${Number((memoryBytes / GB).toFixed(1))} GB`;
}
