import { ProviderError } from '../provider.js';
import type { ProviderInfo } from '../provider.js';
import type { Ask } from './anka.js';
import type { About } from './classify.js';
import { licenceBody, versionBody } from './envelope.js';
import { QUESTION_MS } from './limits.js';

const about = (what: string): About => ({ what, notFound: 'CommandFailed', otherwise: 'CommandFailed' });

/** Licences without what CI needs: no registry, no VM without a window (anklet refuses them, too). */
const TOO_SMALL = ['com.veertu.anka.run', 'com.veertu.anka.develop'];

/** Version and licence; what is wrong with them is told in `problems`. */
export async function probe(ask: Ask): Promise<ProviderInfo> {
  let version = '';
  try {
    version = await versionOf(ask);
    return { kind: 'anka', version, problems: await licenceProblems(ask) };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { kind: 'anka', version, problems: [error.message] };
  }
}

async function versionOf(ask: Ask): Promise<string> {
  const { body } = await ask(['version'], about('its version'), { timeoutMs: QUESTION_MS });
  const { data } = versionBody.safeParse(body);
  if (data === undefined) throw new ProviderError('BadOutput', '`anka version` names no version');
  return data.version;
}

async function licenceProblems(ask: Ask): Promise<readonly string[]> {
  const { body } = await ask(['license', 'show'], about('the licence'), { timeoutMs: QUESTION_MS });
  const { data } = licenceBody.safeParse(body);
  if (data === undefined) return ['`anka license show` names no licence; activate one with `anka license activate`'];
  if (data.status !== 'valid') return [`the Anka licence is ${data.status}; renew it with \`anka license activate\``];
  const type = data.license_type ?? '';
  return TOO_SMALL.includes(type) ? [`the Anka licence ${type} is not enough for CI; a Build licence is`] : [];
}
