import type { FailureType } from '../jobs/failures.js';
import { ProviderError } from '../providers/provider.js';

/** A failure of the agent's own, of a type that workflows decide by. `details` cross to them: never a secret. */
export class AgentFailure extends Error {
  readonly type: FailureType;
  readonly details: readonly unknown[];

  constructor(
    type: FailureType,
    message: string,
    options: ErrorOptions & { readonly details?: readonly unknown[] } = {},
  ) {
    super(message, options);
    this.name = 'AgentFailure';
    this.type = type;
    this.details = options.details ?? [];
  }
}

/** The type of a failure that is the agent's or its provider's; undefined for anything else. */
export function failureType(error: unknown): FailureType | undefined {
  return error instanceof AgentFailure || error instanceof ProviderError ? error.type : undefined;
}

/** In words: of an error that says nothing itself (Temporal's client has such), what its cause says, or its name. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error.cause === undefined ? error.name : messageOf(error.cause));
}
