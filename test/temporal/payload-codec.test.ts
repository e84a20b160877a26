import { createSecretKey, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ActivityFailure, ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import type { FailureConverter, Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENCODED_FAILURES, dataConverterFor } from '../../temporal/data-converter.js';
import { PayloadBroken, PayloadKeyUnknown, createPayloadCodec } from '../../temporal/payload-codec.js';
import { decodePayload, encodePayload } from '../../temporal/payload-proto.js';
import { keepingLog, removeDir, tempDir } from './support.js';

const newKey = (): KeyObject => createSecretKey(randomBytes(32));
const K1 = newKey();
const K2 = newKey();

const codecOf = (currentId: string, keys: Readonly<Record<string, KeyObject>>) =>
  createPayloadCodec({ currentId, keys: new Map(Object.entries(keys)) });

const plain = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const valueOf = (payload: Payload | undefined): unknown => defaultPayloadConverter.fromPayload(payload as Payload);
const textOf = (payload: Payload | undefined, key: string): string =>
  Buffer.from(payload?.metadata?.[key] ?? []).toString();

async function encrypted(value: unknown, codec = codecOf('k1', { k1: K1 })): Promise<Payload> {
  const [payload] = await codec.encode([plain(value)]);
  return payload as Payload;
}

describe('the bytes of a payload', () => {
  const { Payload: Theirs } = proto.temporal.api.common.v1;
  // Their decoder leaves `__proto__` out, on purpose.
  const NAMES = fc.string().filter((name) => name !== '__proto__');
  const payloads = fc.record({
    metadata: fc.dictionary(NAMES, fc.uint8Array({ maxLength: 40 }), { noNullPrototype: true }),
    data: fc.uint8Array({ maxLength: 400 }),
  });
  const inHex = ({ metadata, data }: Payload): unknown => [
    Object.entries(metadata ?? {})
      .map(([key, value]) => [key, Buffer.from(value).toString('hex')])
      .sort(),
    Buffer.from(data ?? []).toString('hex'),
  ];

  it("are those of Temporal's own code, both ways", () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        expect(inHex(Theirs.decode(encodePayload(payload)))).toEqual(inHex(payload));
        expect(inHex(decodePayload(Theirs.encode(payload).finish()))).toEqual(inHex(payload));
      }),
    );
  });
});

describe('the codec', () => {
  it('gives back what it took, and shows none of it', async () => {
    const codec = codecOf('k1', { k1: K1 });
    const values = [{ repo: 'acme/ios' }, 'label', null, undefined, new Uint8Array([1, 2, 3])];
    const sealed = await codec.encode(values.map(plain));
    expect(sealed.map((payload) => textOf(payload, 'encoding'))).toEqual(values.map(() => 'binary/encrypted'));
    expect(sealed.map((payload) => textOf(payload, 'encryption-key-id'))).toEqual(values.map(() => 'k1'));
    for (const { data } of sealed) expect(Buffer.from(data ?? []).toString('latin1')).not.toMatch(/acme|label|json/);
    expect((await codec.decode(sealed)).map(valueOf)).toEqual(values);
  });

  it('never encrypts the same twice', async () => {
    expect((await encrypted('a')).data).not.toEqual((await encrypted('a')).data);
  });

  it('leaves alone what was written before it was switched on', async () => {
    const payload = plain({ old: true });
    expect(await codecOf('k1', { k1: K1 }).decode([payload])).toEqual([payload]);
  });

  it('rotates: the new key encrypts, the old one still decrypts', async () => {
    const before = await encrypted('before');
    const after = codecOf('k2', { k1: K1, k2: K2 });
    const [fresh] = await after.encode([plain('after')]);
    expect(textOf(fresh, 'encryption-key-id')).toBe('k2');
    expect((await after.decode([before, fresh as Payload])).map(valueOf)).toEqual(['before', 'after']);
  });

  it('names the key that it does not have, with a code that workflows act on', async () => {
    const payload = await encrypted('x', codecOf('k9', { k9: K2 }));
    const reading = codecOf('k1', { k1: K1 }).decode([payload]);
    await expect(reading).rejects.toThrow(/^BERTH-P001: .*"k9".*knows only k1: add that key to temporal\.codec\.keys$/);
    await expect(reading).rejects.toBeInstanceOf(PayloadKeyUnknown);
    expect(ApplicationFailure.fromError(await reading.catch((err: unknown) => err as Error)).type).toBe(
      'PayloadKeyUnknown',
    );
  });

  it('refuses every changed byte, and what is too short', async () => {
    const payload = await encrypted('intact');
    const data = Buffer.from(payload.data ?? []);
    const codec = codecOf('k1', { k1: K1 });
    for (let at = 0; at < data.length; at++) {
      const changed = Buffer.from(data);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(codec.decode([{ ...payload, data: changed }])).rejects.toBeInstanceOf(PayloadBroken);
    }
    for (const length of [0, 1, 12, 27, data.length - 1]) {
      const short = { ...payload, data: data.subarray(0, length) };
      await expect(codec.decode([short])).rejects.toThrow(/^BERTH-P002: /);
    }
  });

  it('refuses a payload of another key with the same id', async () => {
    const payload = await encrypted('x', codecOf('k1', { k1: K2 }));
    await expect(codecOf('k1', { k1: K1 }).decode([payload])).rejects.toBeInstanceOf(PayloadBroken);
  });
});

describe('the failures that the codec encrypts', () => {
  const { failureConverter } = createRequire(import.meta.url)(ENCODED_FAILURES) as {
    readonly failureConverter: FailureConverter;
  };

  it('show neither message nor stack, at any depth, and come back whole', () => {
    const cause = ApplicationFailure.create({ message: 'no template ios-secret', type: 'TemplateNotFound' });
    const failure = failureConverter.errorToFailure(cause, defaultPayloadConverter);
    const passedOn = failureConverter.errorToFailure(
      new ActivityFailure('of ios-secret', 'pull', '1', 'RETRY_STATE_UNSPECIFIED' as never, 'me', cause),
      defaultPayloadConverter,
    );
    for (const shown of [failure, passedOn, passedOn.cause]) {
      expect({ ...shown, encodedAttributes: null, cause: null }).toMatchObject({ message: 'Encoded failure' });
      expect(shown?.stackTrace).toBe('');
    }
    const back = failureConverter.failureToError(passedOn, defaultPayloadConverter);
    expect(back.message).toBe('of ios-secret');
    expect((back.cause as Error).message).toBe('no template ios-secret');
    // It has been decoded, and goes on to somebody else.
    const again = JSON.stringify(withoutPayloads(failureConverter.errorToFailure(back, defaultPayloadConverter)));
    expect(again).not.toContain('ios-secret');
    expect(again).toContain('TemplateNotFound');
  });

  const withoutPayloads = (failure: object): unknown =>
    JSON.parse(JSON.stringify(failure, (key, value: unknown) => (key === 'encodedAttributes' ? undefined : value)));
});

describe('the keys', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await tempDir();
  });
  afterAll(() => removeDir(dir));

  const put = async (name: string, text: string, mode = 0o600): Promise<string> => {
    const file = join(dir, name);
    await writeFile(file, text);
    await chmod(file, mode);
    return file;
  };
  const load = (file: string, log = keepingLog().log) =>
    dataConverterFor({ currentId: 'k1', keys: [{ id: 'k1', file }] }, log);

  it('are read from files, as openssl writes them', async () => {
    const { log, lines } = keepingLog();
    const converter = await load(await put('good', `${randomBytes(32).toString('base64')}\n`), log);
    expect(converter?.payloadCodecs).toHaveLength(1);
    expect(lines).toEqual([]);
    expect(await dataConverterFor(undefined)).toBeUndefined();
  });

  it('that others can read are a warning', async () => {
    const { log, lines } = keepingLog();
    const file = await put('open', randomBytes(32).toString('base64'), 0o644);
    await load(file, log);
    expect(lines).toMatchObject([{ level: 40, file, mode: '0644' }]);
  });

  it.each([
    ['short', randomBytes(16).toString('base64')],
    ['hex', randomBytes(32).toString('hex')],
    ['empty', ''],
  ])('that are %s are refused without being shown', async (name, text) => {
    const error = await load(await put(name, text)).catch((err: unknown) => err as Error);
    expect((error as Error).message).toMatch(
      /does not hold 32 bytes in base64: make a key with `openssl rand -base64 32`$/,
    );
    if (text !== '') expect((error as Error).message).not.toContain(text);
  });

  it('that are missing, or not the current one, are named', async () => {
    await expect(load(join(dir, 'nowhere'))).rejects.toThrow(
      /temporal\.codec: key file .*nowhere cannot be read \(ENOENT\)/,
    );
    const file = await put('other', randomBytes(32).toString('base64'));
    await expect(dataConverterFor({ currentId: 'k2', keys: [{ id: 'k1', file }] })).rejects.toThrow(
      /no key has the id k2/,
    );
  });
});
