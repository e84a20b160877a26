/** Which failure a failed command of `anka` stands for. By code where there is one, by text where Anka has none. */

import type { FailureType } from '../../jobs/failures.js';
import { ProviderError } from '../provider.js';
import { nameOf } from './command.js';
import type { CommandResult } from './command.js';
import { parseEnvelope } from './envelope.js';
import type { Envelope } from './envelope.js';

/** "VM, template or tag not found" (Anka 3.x). */
export const NOT_FOUND = 3;

/** Exit code of `anka run` when the connection to the guest is lost. */
export const CONNECTION_LOST = 125;

const NO_SPACE = /no space left|not enough (free )?(disk )?space/i;

/** Texts that Anka and Apple's virtualisation framework use; sources in docs of Anka and issues of Tart. */
const TEXTS: readonly (readonly [RegExp, FailureType])[] = [
  [/maximum number of running|exceeds the (system )?limit/i, 'VmLimit'],
  [/keychain|-25308|interaction is not allowed|failed to generate keypair/i, 'HostBroken'],
  [/licen[cs]e/i, 'HostBroken'],
  [NO_SPACE, 'HostBroken'],
  [
    /communication timeout|connection to (the )?(guest|vm)|guest (agent )?(is )?not (responding|reachable)/i,
    'GuestUnreachable',
  ],
];

/** The failure that a message alone tells, if any. */
export function typeOfText(text: string): FailureType | undefined {
  return TEXTS.find(([pattern]) => pattern.test(text))?.[1];
}

/** What the command was about; decides what a failure without a telling text is called. */
export interface About {
  /** For messages: "template x", "VM y". */
  readonly what: string;
  /** What "not found" means here. */
  readonly notFound: FailureType;
  /** Everything else. */
  readonly otherwise: FailureType;
  /** What a full disk means here; default: the host is broken. */
  readonly noSpace?: FailureType;
}

/** The envelope of a command that worked. @throws ProviderError classified, when it did not */
export function expectOk(args: readonly string[], result: CommandResult, about: About): Envelope {
  const envelope = parseEnvelope(result.lastLine);
  if (envelope?.isOk === true && result.exitCode === 0) return envelope;
  throw failure(args, result, envelope, about);
}

function failure(
  args: readonly string[],
  result: CommandResult,
  envelope: Envelope | undefined,
  about: About,
): ProviderError {
  const said = envelope?.message || result.stderrTail.trim();
  const told = (NO_SPACE.test(said) ? about.noSpace : undefined) ?? typeOfText(said);
  const start = `\`${nameOf(args)}\` failed for ${about.what}`;
  if (envelope === undefined && told === undefined) {
    const printed = cut(result.lastLine) || 'nothing';
    return new ProviderError(
      'BadOutput',
      `${start}: it printed ${printed} ${ending(result)}, not its JSON envelope. ${cut(said)}`.trim(),
    );
  }
  const message = `${start}: ${cut(said) || 'no message'} ${ending(result, envelope)}`;
  if (envelope?.code === NOT_FOUND) return new ProviderError(about.notFound, message);
  return new ProviderError(told ?? about.otherwise, message);
}

function ending(result: CommandResult, envelope?: Envelope): string {
  const code = envelope?.code === undefined ? '' : `code ${envelope.code}, `;
  return `(${code}${result.exitCode === undefined ? 'ended by a signal' : `exit ${result.exitCode}`})`;
}

const LONGEST_QUOTE = 400;

const cut = (text: string): string => (text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text);
