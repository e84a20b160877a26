/** One dev server for all process tests; each file has a namespace of its own. Builds the server if it has to. */

import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { startDevServer } from '../../temporal/dev-server.js';
import { findTemporalCli } from '../../temporal/find-cli.js';
import { SEARCH_ATTRIBUTES } from '../../jobs/search-attributes.js';

declare module 'vitest' {
  export interface ProvidedContext {
    temporalAddress: string;
    temporalCli: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const cli = await findTemporalCli({ progress });
  const server = await startDevServer({
    cli: cli.file,
    headless: true,
    namespace: 'berth-tests',
    searchAttributes: SEARCH_ATTRIBUTES.map(({ name }) => name),
    log: pino({ level: 'warn' }, pino.destination(2)),
  });
  project.provide('temporalAddress', server.address);
  project.provide('temporalCli', cli.file);
  return () => server.stop();
}
