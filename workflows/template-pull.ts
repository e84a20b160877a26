/**
 * `pull/<host>/<template>/<tag>`: an operator wants a template on a host before a job needs it. A workflow of its own,
 * and not a part of `hostWatch`: a pull may take an hour, and outlives the command that asked for it.
 */

import { ApplicationFailure, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import { failureFrom } from './failure.js';
import { hostSteps } from './policies.js';

export interface TemplatePullInput {
  readonly host: string;
  /** Its id or name. */
  readonly template: string;
  readonly tag: string;
  /** Who asked for it. */
  readonly by: string;
}

export interface TemplatePullResult {
  readonly tag: string;
  /** False: it was there. */
  readonly pulled: boolean;
}

/** @throws ApplicationFailure of one of Berth's types, with the host's own words */
export async function templatePull({ host, template, tag, by }: TemplatePullInput): Promise<TemplatePullResult> {
  setCurrentDetails(`**${template}**, tag ${tag}, is wanted on ${host} by ${by}`);
  try {
    const result = await hostSteps(host).pullForLater.pullTemplate({ template, tag });
    setCurrentDetails(
      `**${template}**, tag ${result.tag}, ${result.pulled ? 'was pulled to' : 'was there on'} ${host}`,
    );
    return result;
  } catch (err) {
    if (isCancellation(err)) throw err;
    const { type, message } = failureFrom(err);
    throw ApplicationFailure.nonRetryable(type === 'HostLost' ? `host ${host} does not answer` : message, type);
  }
}
