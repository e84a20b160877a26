/** Questions about a schema: which keys it has, at any depth. */

import { z } from 'zod';

const inner = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional ? inner(schema.unwrap() as z.ZodType) : schema;

/** The keys of a map's schema; undefined when it isn't one. */
export function keysOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  const map = inner(schema);
  return map instanceof z.ZodObject ? map.shape : undefined;
}

export const isList = (schema: z.ZodType): boolean => inner(schema) instanceof z.ZodArray;

function itemOf(schema: z.ZodType): z.ZodType | undefined {
  const list = inner(schema);
  return list instanceof z.ZodArray ? (list.element as z.ZodType) : undefined;
}

export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  const [first, ...rest] = path;
  if (first === undefined) return schema;
  const next =
    typeof first === 'number' ? itemOf(schema) : typeof first === 'string' ? keysOf(schema)?.[first] : undefined;
  return next === undefined ? undefined : schemaAt(next, rest);
}

export interface Leaf {
  readonly path: readonly string[];
  readonly schema: z.ZodType;
}

/** Every key that has a value, not a map, with its path. */
export function leavesOf(schema: z.ZodType, path: readonly string[] = []): readonly Leaf[] {
  const keys = keysOf(schema);
  if (keys === undefined) return [{ path, schema }];
  return Object.entries(keys).flatMap(([name, child]) => leavesOf(child, [...path, name]));
}
