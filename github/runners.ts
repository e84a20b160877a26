/** Runners on GitHub: registration by JIT config, look-up, removal. */

import type { Logger } from 'pino';
import { scopeText } from '../jobs/names.js';
import { sameName } from '../jobs/repositories.js';
import type { Scope } from '../jobs/scope.js';
import { jitSchema, parseAnswer, runnerSchema, runnersSchema } from './answers.js';
import type { RunnerAnswer } from './answers.js';
import type { Clock } from './clock.js';
import { GitHubError } from './errors.js';
import type { HttpAnswer } from './http.js';
import { firstInPages } from './pages.js';
import type { Purpose } from './purpose.js';
import { runnerRight } from './rights.js';
import { createRunnerGroups } from './runner-groups.js';
import { scopePath } from './scope-path.js';
import type { GitHubCall, Session } from './session.js';
import type { Sessions } from './sessions.js';
import { createPlaces } from './spacing.js';

export interface RunnerToRegister {
  readonly scope: Scope;
  /** At most 64 characters, unique in the scope. */
  readonly runner: string;
  /** By name; null for the default one. */
  readonly runnerGroup: string | null;
  /** All of them: JIT runners get no default labels. */
  readonly labels: readonly string[];
  /** It was sent away before, because too many were being registered. */
  readonly hasWaited?: boolean | undefined;
}

export interface RunnerToFind {
  readonly scope: Scope;
  readonly runner: string;
  /** Null when only the name is known. */
  readonly runnerId: number | null;
}

export interface JitConfig {
  readonly runnerId: number;
  /** A secret: lets one runner in. */
  readonly encodedJitConfig: string;
}

export interface Runners {
  createJitConfig(input: RunnerToRegister): Promise<JitConfig>;
  removeRunner(input: RunnerToFind): Promise<'removed' | 'absent' | 'busy'>;
  lookUpRunner(
    input: RunnerToFind,
  ): Promise<{ readonly state: 'absent' | 'offline' | 'online'; readonly busy: boolean }>;
}

/** A runner that was made unseen by us (no answer, or by its guest) may take a moment to show in the list. */
const SECOND_LOOK_MS = 1_000;

export interface RunnersOptions {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createRunners({ sessions, clock, log }: RunnersOptions): Runners {
  const groups = createRunnerGroups(clock);
  const waitForPlace = createPlaces(clock);

  /**
   * Registers a runner, in one try. A name that is taken, no answer, and a failure of GitHub's leave open whether the
   * runner now exists, so whatever has the name is removed before this fails.
   * @throws GitHubError `RunnerNameTaken` (use a new name), `GitHubUnavailable`, `GitHubRefused`, `GitHubNoCredential`
   * @throws GitHubRateLimited before anything was made
   */
  const createJitConfig = async (input: RunnerToRegister): Promise<JitConfig> => {
    const { scope, runner, labels } = input;
    const session = await sessions.forScope(scope);
    const groupId = await groups.idOf(session, scope, input.runnerGroup);
    await session.prepare();
    await waitForPlace(session, input.hasWaited === true);
    const what = `register the runner ${runner} for ${scopeText(scope)}`;
    const params = { name: runner, runner_group_id: groupId, labels, work_folder: '_work' };
    try {
      const answer = await session.call({
        ...callFor(scope, 'POST', '/generate-jitconfig', params),
        what,
        accept: [409],
        purpose: 'registration',
      });
      if (answer.status === 409) throw nameTaken(input);
      const { runner: made, encoded_jit_config: encodedJitConfig } = parseAnswer(jitSchema, answer, what);
      return { runnerId: made.id, encodedJitConfig };
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      if (error.status === 404) groups.forget(scope);
      const isUnclear = error.type === 'RunnerNameTaken' || error.type === 'GitHubUnavailable';
      if (isUnclear) await removeByName(session, input, log, clock);
      throw error;
    }
  };

  return {
    createJitConfig,
    removeRunner: async (input) => {
      const session = await sessions.forScope(input.scope);
      const id = input.runnerId ?? (await findByNameTwice(session, input, clock))?.id;
      return id === undefined ? 'absent' : removeById(session, input, id);
    },
    lookUpRunner: async (input) => {
      const session = await sessions.forScope(input.scope);
      const found =
        input.runnerId === null ? await findByName(session, input, 'lookup') : await findById(session, input);
      if (found === undefined) return { state: 'absent', busy: false };
      return { state: found.status === 'online' ? 'online' : 'offline', busy: found.busy };
    },
  };
}

function nameTaken({ runner, scope }: RunnerToRegister): GitHubError {
  const message = `${scopeText(scope)} already has a runner named ${runner}: a new name is needed`;
  return new GitHubError('RunnerNameTaken', message, 409);
}

/** Removes what may have this name; that this fails too is for the log: the sweep finds the runner later. */
async function removeByName(session: Session, runner: RunnerToRegister, log: Logger, clock: Clock): Promise<void> {
  const { scope, runner: name } = runner;
  try {
    const found = await findByNameTwice(session, runner, clock);
    if (found === undefined) return;
    const result = await removeById(session, runner, found.id);
    log.warn({ scope: scopeText(scope), runner: name, result }, 'github registration unclear: runner looked up');
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown error';
    log.warn({ scope: scopeText(scope), runner: name, why }, 'github registration unclear: a runner may be left');
  }
}

async function removeById(
  session: Session,
  { scope, runner }: Pick<RunnerToFind, 'scope' | 'runner'>,
  id: number,
): Promise<'removed' | 'absent' | 'busy'> {
  const what = `remove the runner ${runner} (${id}) of ${scopeText(scope)}`;
  const call = callFor(scope, 'DELETE', '/{runner_id}', { runner_id: id });
  const { status } = await session.call({ ...call, what, accept: [404, 422], purpose: 'removal' });
  if (status === 404) return 'absent';
  return status === 422 ? 'busy' : 'removed';
}

async function findById(
  session: Session,
  { scope, runner, runnerId }: RunnerToFind,
): Promise<RunnerAnswer | undefined> {
  const what = `look up the runner ${runner} (${runnerId}) of ${scopeText(scope)}`;
  const call = callFor(scope, 'GET', '/{runner_id}', { runner_id: runnerId });
  const answer = await session.call({ ...call, what, accept: [404] });
  return answer.status === 404 ? undefined : parseAnswer(runnerSchema, answer, what);
}

/** The list can be asked for one name; an older GHES ignores that and answers with all. */
async function findByName(
  session: Session,
  { scope, runner }: Pick<RunnerToFind, 'scope' | 'runner'>,
  purpose: Purpose,
): Promise<RunnerAnswer | undefined> {
  const what = `look up the runner ${runner} of ${scopeText(scope)}`;
  const read = (answer: HttpAnswer): readonly RunnerAnswer[] => parseAnswer(runnersSchema, answer, what).runners;
  const pick = (runners: readonly RunnerAnswer[]): RunnerAnswer | undefined =>
    runners.find(({ name }) => sameName(name, runner));
  return firstInPages(session, { ...callFor(scope, 'GET', '', { name: runner }), what, purpose }, read, pick);
}

/** GitHub's list is late at times: one miss proves nothing. */
async function findByNameTwice(
  session: Session,
  runner: Pick<RunnerToFind, 'scope' | 'runner'>,
  clock: Clock,
): Promise<RunnerAnswer | undefined> {
  const found = await findByName(session, runner, 'removal');
  if (found !== undefined) return found;
  await clock.sleep(SECOND_LOOK_MS);
  return findByName(session, runner, 'removal');
}

type RunnerCall = Omit<GitHubCall, 'what'>;

function callFor(scope: Scope, method: string, path: string, params: Readonly<Record<string, unknown>>): RunnerCall {
  const { template, params: scopeParams } = scopePath(scope);
  const route = `${method} ${template}/actions/runners${path}`;
  return { route, params: { ...scopeParams, ...params }, right: runnerRight(scope) };
}
