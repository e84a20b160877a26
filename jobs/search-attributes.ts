/** What operators can filter workflows by in the Temporal UI. Never encrypted, so never a secret. */

import { defineSearchAttributeKey } from '@temporalio/common';

export const BerthRepo = defineSearchAttributeKey('BerthRepo', 'KEYWORD');
export const BerthRunId = defineSearchAttributeKey('BerthRunId', 'KEYWORD');
export const BerthJobId = defineSearchAttributeKey('BerthJobId', 'KEYWORD');
export const BerthHost = defineSearchAttributeKey('BerthHost', 'KEYWORD');
export const BerthTemplate = defineSearchAttributeKey('BerthTemplate', 'KEYWORD');
export const BerthState = defineSearchAttributeKey('BerthState', 'KEYWORD');
export const BerthOutcome = defineSearchAttributeKey('BerthOutcome', 'KEYWORD');

export const SEARCH_ATTRIBUTES = [
  BerthRepo,
  BerthRunId,
  BerthJobId,
  BerthHost,
  BerthTemplate,
  BerthState,
  BerthOutcome,
] as const;

/** The `BerthState` that a job starts with. */
export const FIRST_STATE = 'queued';
