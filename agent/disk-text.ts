/** Amounts of bytes and of progress, as operators read them. */

import type { PullProgress } from '../providers/provider.js';

/** 19_035_295_744 → `19.0 GB`. Decimal, as macOS counts. */
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** `: 42 %, 8.0 of 19.0 GB`, as far as it is known. @param total bytes of the whole download */
export function progressText({ percent, bytes }: PullProgress, total: number | undefined): string {
  const isWhole = total !== undefined && total > 0;
  const share = percent ?? (isWhole && bytes !== undefined ? (bytes / total) * 100 : undefined);
  const done = bytes ?? (isWhole && percent !== undefined ? (percent / 100) * total : undefined);
  const amount =
    done === undefined ? undefined : isWhole ? `${(done / 1e9).toFixed(1)} of ${gigabytes(total)}` : gigabytes(done);
  const parts = [share === undefined ? undefined : `${Math.min(Math.round(share), 100)} %`, amount];
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? '' : `: ${known.join(', ')}`;
}
