/** The calls about one run that several parts make. What else a status may mean is for each of them to say (`accept`). */

import type { RunRef } from '../activities/contracts.js';
import { READ_JOBS } from './rights.js';
import type { GitHubCall } from './session.js';

const RUN = '/repos/{owner}/{repo}/actions/runs/{run_id}';

export const lookUpRun = ({ owner, repo, runId }: RunRef): GitHubCall => ({
  route: `GET ${RUN}`,
  params: { owner, repo, run_id: runId },
  what: `look up the run ${runId} of ${owner}/${repo}`,
  right: READ_JOBS,
});

/** One page of them. @param filter the jobs of the latest attempt, or of all */
export const listJobsOfRun = ({ owner, repo, runId }: RunRef, filter: 'latest' | 'all'): GitHubCall => ({
  route: `GET ${RUN}/jobs`,
  params: { owner, repo, run_id: runId, filter },
  what: `list the jobs of the run ${runId} of ${owner}/${repo}`,
  right: READ_JOBS,
});
