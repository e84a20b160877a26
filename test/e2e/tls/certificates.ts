/** An authority of the test's own, and certificates that it signed, as PEM files. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly ca: string;
  /** A certificate for this name (an IP address as `IP:127.0.0.1`, a host as `DNS:name`). */
  readonly sign: (name: string, alternative: string) => Promise<Pair>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function createAuthority(dir: string, name: string): Promise<Authority> {
  const file = (what: string): string => join(dir, `${name}-${what}.pem`);
  const [ca, caKey] = [file('ca'), file('ca-key')];
  const openssl = (...args: readonly string[]) => execa('openssl', args);
  await openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`, '-out', ca, '-keyout', caKey);
  return {
    ca,
    sign: async (subject, alternative) => {
      const [cert, key, request] = [file(subject), file(`${subject}-key`), file(`${subject}-request`)];
      const extensions = file(`${subject}-extensions`);
      await writeFile(extensions, `subjectAltName=${alternative}\n`);
      await openssl('req', ...NEW_KEY, '-subj', `/CN=${subject}`, '-out', request, '-keyout', key);
      const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', extensions];
      await openssl('x509', '-req', '-in', request, ...signing, '-out', cert);
      return { cert, key };
    },
  };
}
