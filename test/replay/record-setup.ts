/** The server on which histories are recorded: the workflows that live for ever are carried over early on it. */

import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { SEARCH_ATTRIBUTES } from '../../jobs/search-attributes.js';
import { startDevServer } from '../../temporal/dev-server.js';
import { findTemporalCli } from '../../temporal/find-cli.js';

/** Events after which the server suggests to continue as new; 4,096 by default. */
const CARRY_OVER_AFTER = 120;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cli = await findTemporalCli({ progress: (line) => void process.stderr.write(`${line}\n`) });
  const server = await startDevServer({
    cli: cli.file,
    headless: true,
    namespace: 'berth-recording',
    searchAttributes: SEARCH_ATTRIBUTES.map(({ name }) => name),
    settings: { 'limit.historyCount.suggestContinueAsNew': CARRY_OVER_AFTER },
    log: pino({ level: 'warn' }, pino.destination(2)),
  });
  project.provide('temporalAddress', server.address);
  project.provide('temporalCli', cli.file);
  return () => server.stop();
}
