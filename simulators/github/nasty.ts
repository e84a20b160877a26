/**
 * What goes wrong with a delivery, decided from a seed. The same hook, job, action and seed always give the same plan,
 * in whatever order things happen, so a failing test can be run again.
 */

import { hashText, seededRandom } from './random.js';
import type { Action } from './types.js';

export interface NastyOptions {
  readonly seed?: number;
  /** Each delivery is late by a random time between these, in ms. */
  readonly late?: { readonly min?: number; readonly max: number };
  /** With this probability the same delivery (same guid) is sent `times` times; 2 unless given. */
  readonly repeat?: { readonly probability: number; readonly times?: number };
  /** With this probability a delivery waits until the hook's next one has been sent, at most `holdMs` (1,000). */
  readonly reorder?: { readonly probability: number; readonly holdMs?: number };
  readonly lose?: {
    readonly probability?: number;
    /** Every delivery with one of these actions is lost. */
    readonly actions?: readonly Action[];
    /** False: the delivery isn't in the hook's log either, so that nothing can repeat it. True unless given. */
    readonly logged?: boolean;
  };
}

/** What names a delivery, whichever process or order it was made in. */
export interface DeliveryKey {
  readonly hookId: number;
  readonly jobId: number | null;
  readonly action: string | null;
  /** The how manyth of these, from 0. */
  readonly nth: number;
}

export interface DeliveryPlan {
  readonly lost: boolean;
  readonly logged: boolean;
  /** The wait before each sending, in ms: one entry for each time it is sent. */
  readonly delaysMs: readonly number[];
  /** How long it waits for its successor to overtake it, in ms; 0 for not at all. */
  readonly holdMs: number;
}

const REPEATS = 2;
const HOLD_MS = 1_000;

/** Decides the fate of one delivery. Pure; every plan draws the same number of times, so options don't shift others. */
export function planDelivery(nasty: NastyOptions, key: DeliveryKey): DeliveryPlan {
  const text = `${nasty.seed ?? 0}/${key.hookId}/${key.jobId ?? ''}/${key.action ?? ''}/${key.nth}`;
  const random = seededRandom(hashText(text));
  const [lose, repeat, reorder] = [random(), random(), random()];
  const lost =
    lose < (nasty.lose?.probability ?? 0) || (nasty.lose?.actions?.some((action) => action === key.action) ?? false);
  const times = repeat < (nasty.repeat?.probability ?? 0) ? (nasty.repeat?.times ?? REPEATS) : 1;
  const { min = 0, max = 0 } = nasty.late ?? {};
  const delaysMs = Array.from({ length: times }, () => Math.round(min + random() * Math.max(0, max - min)));
  const holdMs = reorder < (nasty.reorder?.probability ?? 0) ? (nasty.reorder?.holdMs ?? HOLD_MS) : 0;
  return { lost, logged: nasty.lose?.logged ?? true, delaysMs, holdMs };
}
