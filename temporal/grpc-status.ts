/** What Temporal answered to a raw call, in words. */

/** The codes that Berth decides by (gRPC status codes, fixed by the protocol). */
const CODES: Readonly<Record<number, string>> = {
  3: 'INVALID_ARGUMENT',
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  12: 'UNIMPLEMENTED',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
};

/** The code's name, or undefined when the error did not come from a gRPC call. */
export function grpcCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? CODES[code] : undefined;
}

/** Whether the server understood and said no: missing rights, or a service it does not offer to us. */
export function isDenied(error: unknown): boolean {
  const code = grpcCode(error);
  return code === 'PERMISSION_DENIED' || code === 'UNAUTHENTICATED' || code === 'UNIMPLEMENTED';
}

export function grpcText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
