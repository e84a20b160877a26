/** The keys of `timeouts`: how long each phase of a VM may last on a host. */

import { z } from 'zod';
import { key, wholeNumber } from './values.js';

const seconds = (most: number, about: string, fallback: number) =>
  key(wholeNumber(1, most), { about: `Seconds: ${about}`, default: String(fallback) });

const DAY = 86_400;

export const TIMEOUTS = z.strictObject(
  {
    pull: seconds(DAY, 'a template is pulled.', 5400),
    clone: seconds(DAY, 'a VM is cloned.', 300),
    start: seconds(DAY, 'a VM is handed to the hypervisor.', 180),
    guest: seconds(DAY, 'its guest boots until it answers.', 240),
    register: seconds(DAY, 'GitHub answers the registration; its rate limits do not count.', 600),
    start_runner: seconds(DAY, 'the runner is installed and started in the guest.', 540),
    delete: seconds(DAY, 'a VM is deleted; then said, and tried again.', 480),
  },
  { error: 'a map' },
);
