/** What `anka -j` prints: one JSON envelope as its last line (Anka CLI 3.x reference, "machine readable output"). */

import { z } from 'zod';

const envelope = z.object({
  status: z.string(),
  code: z.number().optional(),
  message: z.string().nullish(),
  body: z.unknown().optional(),
});

export interface Envelope {
  readonly isOk: boolean;
  readonly code: number | undefined;
  readonly message: string;
  readonly body: unknown;
}

/** The envelope in a line, or undefined when the line isn't one. */
export function parseEnvelope(line: string): Envelope | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { success, data } = envelope.safeParse(json);
  if (!success) return undefined;
  return { isOk: data.status === 'OK', code: data.code, message: data.message ?? '', body: data.body };
}

/** Entries of `anka -j list`: a template or VM each; `version` is the tag, absent where there is none. */
export const libraryBody = z.array(
  z.object({ uuid: z.string(), name: z.string(), version: z.string().optional(), status: z.string().optional() }),
);

export const versionBody = z.object({ version: z.string(), build: z.string().optional() });

export const licenceBody = z.object({ status: z.string(), license_type: z.string().optional() });

/** Progress lines of a pull are not documented: whatever of this is there is used. */
export const progressBody = z.object({
  percent: z.number().optional(),
  progress: z.number().optional(),
  bytes: z.number().optional(),
  downloaded: z.number().optional(),
});

/** `anka show ID`, of a template or VM: `ram_size` and `image_size` in bytes. */
export const shapeBody = z.object({
  cpu_cores: z.number().int().positive(),
  ram_size: z.number().positive(),
  image_size: z.number().nonnegative().optional(),
});

/** `anka pull --check-download-size`; bytes. Empty when the template is here already. */
export const sizeBody = z.object({ size: z.number(), cached: z.number().optional(), available: z.number() });

/** `anka config vm_lib_dir`: the path, alone or by its name. */
export const configBody = z.union([
  z.object({ vm_lib_dir: z.string() }),
  z
    .string()
    .startsWith('/')
    .transform((path) => ({ vm_lib_dir: path })),
]);
