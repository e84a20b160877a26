/** Where Temporal is, how to reach it safely, and what is encrypted there. */

import type { Context } from './check.js';
import { absolutePath } from './home.js';
import type { Root } from './schema.js';
import { Secret } from './secret.js';
import type { CodecConfig, TemporalConfig, TlsConfig } from './types.js';

type TemporalKeys = NonNullable<Root['temporal']>;

export function buildTemporal({ temporal = {} }: Root, home: string, context: Context): TemporalConfig {
  return {
    address: temporal.address ?? 'localhost:7233',
    namespace: temporal.namespace ?? 'berth',
    apiKey: temporal.api_key === undefined ? null : new Secret(temporal.api_key),
    tls: buildTls(temporal, home, context),
    codec: buildCodec(temporal, home, context),
  };
}

function buildTls(temporal: TemporalKeys, home: string, { findings, places }: Context): false | TlsConfig {
  const { enabled, server_name: serverName, ca, cert, key } = temporal.tls ?? {};
  if ((cert === undefined) !== (key === undefined)) {
    const [missing, there] = cert === undefined ? ['cert', 'key'] : ['key', 'cert'];
    const place = places.ofKey(['temporal', 'tls', there]);
    findings.problem(['temporal', 'tls', missing], '`cert` and `key` together', `only \`${there}\``, place);
  }
  if (enabled === false && temporal.api_key !== undefined) {
    const expected = 'TLS with `api_key`, which would cross the network in clear otherwise';
    findings.problem(['temporal', 'tls', 'enabled'], expected, 'TLS switched off');
  }
  const tls = {
    ...(serverName !== undefined && { serverName }),
    ...(ca !== undefined && { ca: absolutePath(ca, home) }),
    ...(cert !== undefined && { cert: absolutePath(cert, home) }),
    ...(key !== undefined && { key: absolutePath(key, home) }),
  };
  const isOn = enabled ?? (temporal.api_key !== undefined || Object.keys(tls).length > 0);
  return isOn ? tls : false;
}

function buildCodec({ codec }: TemporalKeys, home: string, { findings, places }: Context): CodecConfig | null {
  if (codec === undefined) return null;
  const path = ['temporal', 'codec'];
  const keys = (codec.keys ?? []).map(({ id, file }) => ({ id, file: absolutePath(file, home) }));
  const ids = keys.map(({ id }) => id);
  const [onlyId] = ids;
  if (onlyId === undefined) {
    findings.problem([...path, 'keys'], 'at least one key', 'none', places.ofKey(path));
    return null;
  }
  ids.forEach((id, at) => {
    if (ids.indexOf(id) < at) findings.problem([...path, 'keys', at, 'id'], 'an id that no other key has', `\`${id}\``);
  });
  if (codec.current === undefined && ids.length > 1) {
    findings.problem([...path, 'current'], 'the id of the key that encrypts', 'several keys', places.ofKey(path));
  } else if (codec.current !== undefined && !ids.includes(codec.current)) {
    findings.problem([...path, 'current'], `the id of one of \`keys\` (${ids.join(', ')})`, `\`${codec.current}\``);
  }
  return { currentId: codec.current ?? onlyId, keys };
}
