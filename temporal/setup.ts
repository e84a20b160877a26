/**
 * What Berth needs in Temporal before its first workflow: a namespace that remembers long enough, and search
 * attributes. Everything here may be called at any time, again, and by several processes at once.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import type { Logger } from 'pino';
import { grpcCode, grpcText, isDenied } from './grpc-status.js';
import { soon } from './soon.js';

/** What is needed of a connection; both the client's and the worker's have it. */
export type SetupConnection = Pick<Connection, 'workflowService' | 'operatorService' | 'withDeadline'>;

const DAY_MS = 86_400_000;

/** How long a closed workflow is remembered in a namespace that Berth makes. */
export const RETENTION_MS = 7 * DAY_MS;

/**
 * GitHub redelivers a webhook for three days (docs "Redelivering webhooks"); a job that is forgotten sooner would be
 * started anew by its redelivered event.
 */
const REDELIVERY_WINDOW_MS = 3 * DAY_MS;

const CALL_TIMEOUT_MS = 10_000;

/** On stores other than SQLite a change takes some seconds until every server process knows it. */
const SPREAD_TIMEOUT_MS = 30_000;

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

export interface NamespaceOptions {
  readonly namespace: string;
  readonly log: Logger;
}

/**
 * Makes the namespace if it is missing, with a retention of 7 days; raises a retention of 3 days or less to that.
 * Without the right to do so it warns and goes on (`missing`, `present`). Resolves once the namespace can be used: one
 * that another process made a moment ago is known to a part of the server first, and a worker that asks another part
 * would end.
 * @throws Error when Temporal does not answer
 */
export async function ensureNamespace(
  connection: SetupConnection,
  options: NamespaceOptions,
): Promise<'created' | 'raised' | 'present' | 'missing'> {
  const found = await makeOrRaise(connection, options);
  if (found !== 'missing') await untilTrue(() => isServed(connection, options.namespace));
  return found;
}

async function makeOrRaise(
  connection: SetupConnection,
  { namespace, log }: NamespaceOptions,
): Promise<'created' | 'raised' | 'present' | 'missing'> {
  const retention = await retentionOf(connection, namespace, log);
  if (retention === 'missing') return createNamespace(connection, namespace, log);
  if (retention === 'unknown' || retention > REDELIVERY_WINDOW_MS) return 'present';
  try {
    await limited(connection, () =>
      connection.workflowService.updateNamespace({
        namespace,
        config: { workflowExecutionRetentionTtl: msToTs(RETENTION_MS) },
      }),
    );
    log.info({ namespace, days: days(RETENTION_MS), before: days(retention) }, 'namespace retention raised');
    return 'raised';
  } catch (error) {
    if (!isDenied(error)) throw error;
    log.warn(
      { namespace, days: days(retention), why: grpcText(error) },
      'namespace retention is too short and may not be changed by us: set it above 3 days, or a redelivered webhook ' +
        'may start a job again',
    );
    return 'present';
  }
}

async function retentionOf(
  connection: SetupConnection,
  namespace: string,
  log: Logger,
): Promise<number | 'missing' | 'unknown'> {
  try {
    const { config } = await limited(connection, () => connection.workflowService.describeNamespace({ namespace }));
    const ttl = config?.workflowExecutionRetentionTtl;
    return ttl === undefined || ttl === null ? 'unknown' : tsToMs(ttl);
  } catch (error) {
    if (grpcCode(error) === 'NOT_FOUND') return 'missing';
    if (!isDenied(error)) throw error;
    log.warn({ namespace, why: grpcText(error) }, 'namespace may not be read by us: its retention must exceed 3 days');
    return 'unknown';
  }
}

async function createNamespace(
  connection: SetupConnection,
  namespace: string,
  log: Logger,
): Promise<'created' | 'present' | 'missing'> {
  try {
    await limited(connection, () =>
      connection.workflowService.registerNamespace({
        namespace,
        description: 'Berth: GitHub Actions jobs and their runners',
        workflowExecutionRetentionPeriod: msToTs(RETENTION_MS),
      }),
    );
  } catch (error) {
    // Another process was faster.
    if (grpcCode(error) === 'ALREADY_EXISTS') return 'present';
    if (!isDenied(error)) throw error;
    log.warn(
      { namespace, why: grpcText(error) },
      'namespace is missing and may not be created by us: create it with a retention of 7 days',
    );
    return 'missing';
  }
  log.info({ namespace, days: days(RETENTION_MS) }, 'namespace created');
  return 'created';
}

/** Whether the server's other parts know the namespace yet. */
async function isServed(connection: SetupConnection, namespace: string): Promise<boolean> {
  try {
    await limited(connection, () => connection.workflowService.countWorkflowExecutions({ namespace }));
    return true;
  } catch (error) {
    if (grpcCode(error) === 'NOT_FOUND') return false;
    // Whoever may not count has been told by a part that knows the namespace.
    if (isDenied(error)) return true;
    throw error;
  }
}

export interface SearchAttributeOptions {
  readonly namespace: string;
  /** All of type Keyword. */
  readonly names: readonly string[];
  readonly log: Logger;
}

/**
 * Registers the search attributes that are missing. Without the right to do so, or without room for them, it warns.
 * @returns whether all are there: workflows may set them only then (an unknown one fails the workflow's task)
 * @throws Error when Temporal does not answer
 */
export async function ensureSearchAttributes(
  connection: SetupConnection,
  options: SearchAttributeOptions,
): Promise<boolean> {
  const { wrong, missing } = await lacking(connection, options);
  if (wrong.length > 0) {
    const { namespace, log } = options;
    log.warn({ namespace, names: wrong }, 'search attributes exist with another type than Keyword: Berth sets none');
    return false;
  }
  if (missing.length === 0) return true;
  if (!(await addAttributes(connection, options, missing))) return false;
  const allThere = async (): Promise<boolean> => (await lacking(connection, options)).missing.length === 0;
  return untilTrue(allThere);
}

async function addAttributes(
  connection: SetupConnection,
  { namespace, log }: SearchAttributeOptions,
  missing: readonly string[],
): Promise<boolean> {
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
  try {
    await limited(connection, () => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
    log.info({ namespace, names: missing }, 'search attributes registered');
    return true;
  } catch (error) {
    const code = grpcCode(error);
    if (code === 'ALREADY_EXISTS') return true;
    if (!isDenied(error) && code !== 'INVALID_ARGUMENT' && code !== 'RESOURCE_EXHAUSTED') throw error;
    log.warn(
      { namespace, names: missing, why: grpcText(error) },
      'search attributes are missing and could not be registered by us: register them with type Keyword; until then ' +
        'jobs cannot be found by them in the Temporal UI',
    );
    return false;
  }
}

interface Lacking {
  readonly missing: readonly string[];
  /** There, but not of type Keyword. */
  readonly wrong: readonly string[];
}

/**
 * What is not as it should be. The operator service is closed to clients on Temporal Cloud and to those without admin
 * rights; they find out by queries, which need no more than the right to list workflows but do not show types.
 */
async function lacking(connection: SetupConnection, options: SearchAttributeOptions): Promise<Lacking> {
  const { namespace, names } = options;
  try {
    const answer = await limited(connection, () => connection.operatorService.listSearchAttributes({ namespace }));
    const types = new Map<string, number>(Object.entries(answer.customAttributes ?? {}));
    return {
      missing: names.filter((name) => !types.has(name)),
      wrong: names.filter((name) => types.has(name) && types.get(name) !== KEYWORD),
    };
  } catch (error) {
    if (!isDenied(error)) throw error;
  }
  const known = await Promise.all(names.map((name) => isKnown(connection, namespace, name)));
  return { missing: names.filter((_, index) => known[index] === false), wrong: [] };
}

async function isKnown(connection: SetupConnection, namespace: string, name: string): Promise<boolean> {
  try {
    await limited(connection, () =>
      connection.workflowService.countWorkflowExecutions({ namespace, query: `${name} = "x"` }),
    );
    return true;
  } catch (error) {
    const code = grpcCode(error);
    if (code === 'INVALID_ARGUMENT' || code === 'NOT_FOUND') return false;
    throw error;
  }
}

async function untilTrue(ask: () => Promise<boolean>): Promise<boolean> {
  const until = Date.now() + SPREAD_TIMEOUT_MS;
  for (let pause = 20; ; pause = Math.min(pause * 2, 1_000)) {
    if (await ask()) return true;
    if (Date.now() + pause > until) return false;
    await delay(pause);
  }
}

const limited = <T>(connection: SetupConnection, call: () => Promise<T>): Promise<T> =>
  soon(connection, CALL_TIMEOUT_MS, call);

const days = (ms: number): number => Math.round((ms / DAY_MS) * 10) / 10;
