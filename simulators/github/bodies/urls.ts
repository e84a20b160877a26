/** Where links in bodies lead. GitHub.com has two hosts; the simulator, like GHES, has one with `/api/v3` for the API. */

export interface Origin {
  readonly api: string;
  readonly web: string;
}

export const originOf = (url: string): Origin => ({ api: `${url}/api/v3`, web: url });

/** GitHub's time format: UTC, whole seconds. */
export function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : isoSeconds(ms);
}

/** An opaque id in GitHub's old style: base64 of kind and id. */
export function nodeId(kind: string, id: number): string {
  return Buffer.from(`0:${kind}${id}`).toString('base64');
}
