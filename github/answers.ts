/** The parts of GitHub's answers that Berth uses. Whatever else is in them may change. */

import { z } from 'zod';
import { GitHubError } from './errors.js';
import type { HttpAnswer } from './http.js';

/**
 * @throws GitHubError `GitHubUnavailable` that names the wrong fields, not their values
 */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: HttpAnswer, what: string): T {
  const parsed = schema.safeParse(answer.data);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole body'))];
  throw new GitHubError(
    'GitHubUnavailable',
    `GitHub was asked to ${what} and answered ${answer.status} with something unexpected in ${fields.join(', ')}. ` +
      'Is something between Berth and GitHub (a proxy, a wrong `github_api_url`)?',
    answer.status,
  );
}

export const runnerSchema = z.object({
  id: z.number().int(),
  name: z.string(),
  status: z.string(),
  busy: z.boolean(),
});
export type RunnerAnswer = z.infer<typeof runnerSchema>;

export const runnersSchema = z.object({ runners: z.array(runnerSchema) });

export const jitSchema = z.object({
  runner: z.object({ id: z.number().int() }),
  encoded_jit_config: z.string().min(1),
});

/** `token` is an argument of a script and a line of a file: nothing but the characters that GitHub uses. */
export const registrationTokenSchema = z.object({
  token: z.string().regex(/^[\w.=+/-]+$/),
  expires_at: z.iso.datetime({ offset: true }),
});

export const groupsSchema = z.object({ runner_groups: z.array(z.object({ id: z.number().int(), name: z.string() })) });

const time = z.iso.datetime({ offset: true }).nullish();

export const jobSchema = z.object({
  id: z.number().int(),
  run_id: z.number().int(),
  run_attempt: z.number().int().default(1),
  name: z.string(),
  workflow_name: z.string().nullish(),
  status: z.string(),
  conclusion: z.string().nullish(),
  created_at: time,
  started_at: time,
  completed_at: time,
  labels: z.array(z.string()),
  runner_id: z.number().int().nullish(),
  runner_name: z.string().nullish(),
  html_url: z.string().nullish(),
});
export type JobAnswer = z.infer<typeof jobSchema>;

export const jobsSchema = z.object({ jobs: z.array(jobSchema) });

export const runSchema = z.object({ status: z.string().nullish(), conclusion: z.string().nullish() });

const repositorySchema = z.object({ full_name: z.string() });

/** `head_repository` is null when it was deleted. */
export const originSchema = z.object({
  event: z.string(),
  repository: repositorySchema,
  head_repository: repositorySchema.nullish(),
});
