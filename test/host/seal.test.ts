import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SealBroken, SealStale, createKeyPair, open, seal } from '../../secrets/seal.js';

const RUNNER = 'berth-42-1-beef';

describe('a sealed secret', () => {
  it('opens to what it was, for any text', async () => {
    const pair = await createKeyPair();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 3000 }), async (text) => {
        expect(await open(pair, await seal(pair.publicKey, text, RUNNER), RUNNER)).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  it('survives Temporal: plain JSON, with nothing of the secret in it', async () => {
    const pair = await createKeyPair();
    const sealed = await seal(pair.publicKey, 'very-secret', RUNNER);
    const text = JSON.stringify(sealed);
    expect(text).not.toContain('very-secret');
    expect(text).not.toContain(Buffer.from('very-secret').toString('base64'));
    expect(await open(pair, JSON.parse(text) as typeof sealed, RUNNER)).toBe('very-secret');
  });

  it('differs each time', async () => {
    const pair = await createKeyPair();
    const [a, b] = [await seal(pair.publicKey, 'x', RUNNER), await seal(pair.publicKey, 'x', RUNNER)];
    expect(a.ciphertext).not.toBe(b.ciphertext);
    expect(a.enc).not.toBe(b.enc);
  });

  it('is of no use for another VM', async () => {
    const pair = await createKeyPair();
    const sealed = await seal(pair.publicKey, 'x', RUNNER);
    await expect(open(pair, sealed, 'berth-42-2-beef')).rejects.toBeInstanceOf(SealBroken);
  });

  it('says so, and to which key instead, when it was sealed to an earlier agent process', async () => {
    const [old, current] = [await createKeyPair(), await createKeyPair()];
    const sealed = await seal(old.publicKey, 'x', RUNNER);
    const failure = await open(current, sealed, RUNNER).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SealStale);
    expect((failure as SealStale).current).toEqual(current.publicKey);
  });

  it.each(['enc', 'ciphertext'] as const)('does not open when its %s was changed', async (part) => {
    const pair = await createKeyPair();
    const sealed = await seal(pair.publicKey, 'very-secret', RUNNER);
    const bytes = Buffer.from(sealed[part], 'base64');
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    const failure = await open(pair, { ...sealed, [part]: bytes.toString('base64') }, RUNNER).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(SealBroken);
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('very-secret');
  });

  it('does not open with another private key under the same id', async () => {
    const [pair, other] = [await createKeyPair(), await createKeyPair()];
    const sealed = await seal(pair.publicKey, 'x', RUNNER);
    const impostor = { publicKey: pair.publicKey, privateKey: other.privateKey };
    await expect(open(impostor, sealed, RUNNER)).rejects.toBeInstanceOf(SealBroken);
  });

  it('cannot be made for something that is no key', async () => {
    await expect(seal({ keyId: 'k', key: Buffer.from('no key').toString('base64') }, 'x', RUNNER)).rejects.toThrow();
  });
});
