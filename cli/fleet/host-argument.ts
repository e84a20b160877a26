import { InvalidArgumentError } from 'commander';
import { isName } from '../../config/values.js';

/** @throws InvalidArgumentError for what no host can be called */
export function hostArgument(text: string): string {
  if (isName(text, 63)) return text;
  throw new InvalidArgumentError('Expected the name of a host, as `berth hosts` lists it.');
}
