/** The PEM files of a TLS connection: read, and checked before Temporal is asked. */

import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from '@temporalio/client';
import { TemporalSettingsError } from './settings-error.js';

/** Where the TLS files are; `true` where the machine's own trust store is enough. */
export type TlsSettings =
  | boolean
  | {
      /** File with the certificates of the authority that signed the server's. */
      readonly ca?: string | undefined;
      /** File with our certificate, for mutual TLS; needs `key`. */
      readonly cert?: string | undefined;
      readonly key?: string | undefined;
      /** The name in the server's certificate, where it isn't the host of the address. */
      readonly serverName?: string | undefined;
    };

type TLSConfig = Exclude<ConnectionOptions['tls'], boolean | null | undefined>;

/**
 * What the SDK wants of TLS; undefined for a plain connection.
 * @throws TemporalSettingsError that names the file that is missing, is not PEM, or does not belong to the other
 */
export async function tlsConfig(tls: TlsSettings | undefined): Promise<TLSConfig | true | undefined> {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return true;
  const { ca, cert, key, serverName } = tls;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TemporalSettingsError('temporal.tls: `cert` and `key` belong together; give both or neither');
  }
  const config: TLSConfig = {};
  if (serverName !== undefined) config.serverNameOverride = serverName;
  if (ca !== undefined) {
    const pem = await tlsFile('ca', ca);
    certificateIn('ca', ca, pem);
    config.serverRootCACertificate = pem;
  }
  if (cert !== undefined && key !== undefined) config.clientCertPair = await clientPair(cert, key);
  return config;
}

async function clientPair(cert: string, key: string): Promise<{ readonly crt: Buffer; readonly key: Buffer }> {
  const pair = { crt: await tlsFile('cert', cert), key: await tlsFile('key', key) };
  const certificate = certificateIn('cert', cert, pair.crt);
  if (!certificate.checkPrivateKey(privateKeyIn(key, pair.key))) {
    throw new TemporalSettingsError(`temporal.tls: ${key} is not the key of the certificate in ${cert}`);
  }
  return pair;
}

function certificateIn(what: string, path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new TemporalSettingsError(`temporal.tls.${what}: ${path} is not a certificate in PEM`);
  }
}

/** The library's own message may quote the file: it is left out. */
function privateKeyIn(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new TemporalSettingsError(`temporal.tls.key: ${path} is not a private key in PEM without a passphrase`);
  }
}

async function tlsFile(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `temporal.tls.${what}: ${path} cannot be read (${code ?? 'unknown error'})`;
    throw new TemporalSettingsError(message, { cause: error });
  }
}
