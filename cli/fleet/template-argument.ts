import { InvalidArgumentError } from 'commander';
import { LATEST, isLabelValue } from '../../jobs/labels.js';
import type { PullInput } from '../../activities/contracts.js';

/**
 * `TEMPLATE[:TAG]`; what follows the last colon is the tag.
 * @throws InvalidArgumentError for what no label can name
 */
export function templateArgument(text: string): PullInput {
  const at = text.lastIndexOf(':');
  const [template, tag] = at < 0 ? [text, LATEST] : [text.slice(0, at), text.slice(at + 1)];
  if (isLabelValue(template) && isLabelValue(tag)) return { template, tag };
  throw new InvalidArgumentError('Expected TEMPLATE or TEMPLATE:TAG, as in the labels of a job.');
}
