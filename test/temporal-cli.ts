/** Before any test: the dev server is there. The first time on a machine it is built, which takes minutes. */

import { findTemporalCli } from '../temporal/find-cli.js';

export default async function setup(): Promise<void> {
  await findTemporalCli({ progress: (line) => void process.stderr.write(`${line}\n`) });
}
