import type { Repositories } from '../../jobs/repositories.js';

/** `acme/ios`, or `acme/*` for all of an owner. */
export function those(text: string): Repositories {
  const [owner = '', repo = ''] = text.split('/');
  return { owner, repo: repo === '*' ? null : repo };
}
