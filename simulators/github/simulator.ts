/**
 * A GitHub that runs in this process: REST at `/` and `/api/v3`, webhooks, runners (`/_runner`), and controls (`/_sim`).
 * It behaves as GitHub's documentation and its users say, and as nastily as a test asks. Listens on loopback only.
 */

import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { CONTROL_PREFIX, addControlRoutes } from './control-routes.js';
import { createControls } from './controls.js';
import type { Controls, Parts } from './controls.js';
import { createCredentials } from './credentials.js';
import { createDeliveryLog } from './delivery-log.js';
import { createFaults } from './faults.js';
import { createHooks } from './hooks.js';
import { createJobs } from './jobs.js';
import { createLimits } from './limits.js';
import { settingsOf } from './options.js';
import type { GitHubSimulatorOptions } from './options.js';
import { createRegistrations } from './registrations.js';
import { addAppRoutes } from './rest/app-routes.js';
import { GHES_PREFIX, createCalls } from './rest/calls.js';
import { addDeliveryRoutes } from './rest/delivery-routes.js';
import { createGuard } from './rest/guard.js';
import { HttpError } from './rest/http-error.js';
import { addJobRoutes } from './rest/job-routes.js';
import { prepareRest } from './rest/rest-app.js';
import { addRunnerRoutes } from './rest/runner-routes.js';
import { RUNNER_PREFIX } from './runner-protocol.js';
import { addRunnerProtocol } from './runner-routes.js';
import { createScheduler } from './scheduler.js';
import { createSender } from './send.js';
import { createSessions } from './sessions.js';
import { createWebhooks } from './webhooks.js';
import { createWorld } from './world.js';

export interface GitHubSimulator extends Controls {
  /** Listens on 127.0.0.1; on a free port unless one is given. */
  readonly start: (port?: number) => Promise<{ readonly url: string }>;
  /** Ends everything it began; polls that hang are answered, deliveries not sent yet are dropped. */
  readonly stop: () => Promise<void>;
}

const HOST = '127.0.0.1';

/** Makes a simulated GitHub that does not listen yet. Throws when a hook's options are incomplete. */
export function createGitHubSimulator(options: GitHubSimulatorOptions = {}): GitHubSimulator {
  const log = options.log ?? pino({ level: 'silent' });
  const settings = settingsOf(options);
  const world = createWorld(settings);
  const sender = createSender(settings.deliveryTimeoutMs);
  const parts = assemble(options, { world, sender, log });
  const controls = createControls(parts);
  const app = serve(parts, controls);
  return {
    ...controls,
    start: async (port = 0) => {
      world.url = await app.listen({ host: HOST, port });
      log.info({ url: world.url }, 'simulated github listens');
      return { url: world.url };
    },
    stop: async () => {
      world.stop();
      parts.faults.clear();
      sender.stop();
      await app.close();
    },
  };
}

interface Ground {
  readonly world: Parts['world'];
  readonly sender: ReturnType<typeof createSender>;
  readonly log: NonNullable<GitHubSimulatorOptions['log']>;
}

function assemble(options: GitHubSimulatorOptions, { world, sender, log }: Ground): Parts {
  const hooks = createHooks(world, options.hooks ?? []);
  const deliveries = createDeliveryLog(world);
  const webhooks = createWebhooks({ world, hooks, deliveries, sender, nasty: options.nasty ?? {}, log });
  const registrations = createRegistrations(world);
  const wake = (): void => scheduler.wake();
  const jobs = createJobs({ world, announce: webhooks.announce, wake });
  const scheduler = createScheduler({ world, jobs, registrations, options: options.assignment ?? {} });
  const sessions = createSessions({ world, jobs, registrations, wake });
  const credentials = createCredentials(world);
  const [limits, faults, calls] = [createLimits(world), createFaults(), createCalls(world.changes.changed)];
  const started = { world, hooks, deliveries, webhooks, registrations, jobs, scheduler, sessions };
  return { ...started, credentials, limits, faults, calls };
}

function serve(parts: Parts, controls: Controls): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  readJsonAlways(app);
  const guard = createGuard(parts.world, parts.calls);
  for (const prefix of ['', GHES_PREFIX]) {
    void app.register(
      async (rest) => {
        prepareRest(rest, parts);
        addRunnerRoutes(rest, { ...parts, guard });
        addJobRoutes(rest, { ...parts, guard });
        addAppRoutes(rest, { ...parts, guard });
        addDeliveryRoutes(rest, { ...parts, guard });
      },
      { prefix },
    );
  }
  void app.register(
    async (runners) => {
      runners.setErrorHandler(async (error, _request, reply) => {
        const status = error instanceof HttpError ? error.status : 400;
        return reply.code(status).send({ message: error instanceof Error ? error.message : String(error) });
      });
      addRunnerProtocol(runners, parts);
    },
    { prefix: RUNNER_PREFIX },
  );
  void app.register(async (control) => addControlRoutes(control, controls), { prefix: CONTROL_PREFIX });
  return app;
}

/** JSON whatever the content type says, and null for an empty body: `curl -d` names neither. */
function readJsonAlways(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? null : JSON.parse(String(body)));
    } catch {
      done(Object.assign(new Error('the body is not JSON'), { statusCode: 400 }));
    }
  });
}
