/** The body of a delivery: JSON, or a form with the JSON in `payload` (a webhook's two content types on GitHub). */

export type BodyResult =
  | { readonly kind: 'json'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unsupported'; readonly reason: string }
  | { readonly kind: 'broken'; readonly reason: string };

/** Never throws. `broken` is what no webhook looks like; what a job in it lacks is judged later. */
export function readBody(bytes: Buffer, contentType: string | undefined): BodyResult {
  const mediaType = (contentType ?? '').split(';')[0]?.trim().toLowerCase();
  const isForm = mediaType === 'application/x-www-form-urlencoded';
  if (!isForm && mediaType !== 'application/json') {
    return { kind: 'unsupported', reason: 'the content type is neither application/json nor a form' };
  }
  const text = decode(bytes);
  if (text === undefined) return { kind: 'broken', reason: 'the body is not UTF-8' };
  const json = isForm ? new URLSearchParams(text).get('payload') : text;
  if (json === null) return { kind: 'broken', reason: 'the form has no field `payload`' };
  return parse(json);
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(json: string): BodyResult {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject) return { kind: 'json', value: value as Record<string, unknown> };
    return { kind: 'broken', reason: 'the body is not a JSON object' };
  } catch {
    return { kind: 'broken', reason: 'the body is not JSON' };
  }
}
