/** What a command's exit code says; those above 60 are the numbers of BSD's sysexits. */
export const EXIT = {
  ok: 0,
  failed: 1,
  notFound: 2,
  usage: 64,
  unavailable: 69,
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a code and a message that is all the operator needs: no stack is shown. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
