import { condition, sleep } from '@temporalio/workflow';
import type { PublicKey, RegisterInput, Registered } from '../activities/contracts.js';
import { detailsOf, isFailure } from './failure.js';
import { pastLimits, pastLimitsAtLast } from './past-limits.js';
import { github, githubToTheEnd, hostSteps } from './policies.js';
import type { Life, Registration } from './runner-life.js';
import { atStep, noteLimited } from './runner-progress.js';

/** How often a secret may be made anew before that is taken for a fault. */
const MAX_RESEALS = 3;

/** A start lasts ten minutes at most: a registration token that ends sooner is not handed out. */
const TOKEN_LASTS_MS = 10 * 60_000;

/**
 * Registers the runner, now that the VM's guest answers, and starts it. The JIT config, or the token by which the guest
 * registers it, is sealed to the agent that runs at this moment; if that agent is restarted in between, or the token grew
 * old meanwhile, another one is made for the same VM.
 */
export async function registerAndStart(life: Life, publicKey: PublicKey): Promise<void> {
  const { input } = life;
  const { scope, runnerGroup } = input.grant.slot;
  const on = hostSteps(input.grant.host, life.limits);
  let sealTo = publicKey;
  for (let reseals = 0; ; reseals++) {
    const { sealed, byToken } = await register(life, {
      scope,
      runnerGroup,
      runner: input.name,
      labels: input.labels,
      sealTo,
    });
    if (byToken !== null && byToken.expiresAt < Date.now() + TOKEN_LASTS_MS && reseals < MAX_RESEALS) continue;
    life.isStartable = true;
    atStep(life, 'starting the runner');
    try {
      await on.startRunner.startRunner({ runner: input.name, sealed, byToken });
      return;
    } catch (err) {
      if (!isFailure(err, 'SealStale') || reseals >= MAX_RESEALS) throw err;
      // Null: while the host was silent it was taken off GitHub already.
      const { registration } = life;
      if (registration !== null) await pastLimitsAtLast(() => removeFromGitHub(registration, input.name));
      sealTo = detailsOf(err)[0] as PublicKey;
    }
  }
}

/** Its VM is kept for as long as GitHub's limits make it wait. */
async function register(life: Life, request: RegisterInput): Promise<Registered> {
  const registered = await pastLimits(
    (hasWaited) => {
      atStep(life, 'registering the runner');
      life.registration = { scope: request.scope, runnerId: null, inGuest: false };
      const registering = githubToTheEnd(life.limits.registerMs).registerRunner(
        hasWaited ? { ...request, hasWaited } : request,
      );
      life.registering = registering.then(({ runnerId, byToken }) => {
        life.registration = { scope: request.scope, runnerId, inGuest: byToken !== null };
      });
      life.registering.catch(() => undefined);
      return registering;
    },
    async (limited, ms) => {
      // Nothing was made, so there is nothing to remove.
      life.registration = null;
      noteLimited(life, limited);
      await sleep(ms);
      return true;
    },
  );
  if (registered === null) throw new Error('a registration has no early end');
  return registered;
}

export const removeFromGitHub = (
  { scope, runnerId }: Registration,
  runner: string,
): Promise<'removed' | 'absent' | 'busy'> => github.removeRunner({ scope, runnerId, runner });

/**
 * Takes an idle runner off GitHub. Null: GitHub's limits made it wait, and meanwhile it became clear whether a job runs
 * there.
 */
export function removeIfIdle(life: Life, registration: Registration): Promise<'removed' | 'absent' | 'busy' | null> {
  const { orders, input } = life;
  return pastLimits(
    () => removeFromGitHub(registration, input.name),
    async (_, ms) => !(await condition(() => orders.isAtWork() || orders.isDone() || orders.mustStop(), ms)),
  );
}
