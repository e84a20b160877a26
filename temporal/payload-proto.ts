/**
 * `temporal.api.common.v1.Payload` as bytes: a map of metadata (field 1) and the data (field 2), the only fields that
 * Berth's payloads have.
 */

import type { Payload } from '@temporalio/common';
import protobuf from 'protobufjs/minimal.js';

/** Tags of the wire format: field number × 8, plus 2 for "length-delimited". */
const FIRST = 10;
const SECOND = 18;

export function encodePayload({ metadata, data }: Payload): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const [key, value] of Object.entries(metadata ?? {})) {
    writer.uint32(FIRST).fork().uint32(FIRST).string(key).uint32(SECOND).bytes(value).ldelim();
  }
  if (data !== undefined && data !== null && data.length > 0) writer.uint32(SECOND).bytes(data);
  return writer.finish();
}

/** @throws Error when the bytes are not a payload */
export function decodePayload(bytes: Uint8Array): Payload {
  const reader = protobuf.Reader.create(bytes);
  // Without a prototype, `__proto__` is a name like any other.
  const metadata = Object.create(null) as Record<string, Uint8Array>;
  let data: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === FIRST) {
      const [key, value] = readEntry(reader, reader.uint32() + reader.pos);
      metadata[key] = value;
    } else if (tag === SECOND) {
      data = reader.bytes();
    } else {
      reader.skipType(tag & 7);
    }
  }
  return { metadata, data };
}

function readEntry(reader: protobuf.Reader, end: number): readonly [string, Uint8Array] {
  let key = '';
  let value: Uint8Array = new Uint8Array();
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === FIRST) key = reader.string();
    else if (tag === SECOND) value = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return [key, value];
}
