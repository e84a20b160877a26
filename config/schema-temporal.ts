/** The keys of `temporal`. */

import { z } from 'zod';
import { hostAndPort, key, listOf, name, required, text, yesNo } from './values.js';

const MAP = { error: 'a map' };

const tls = {
  enabled: key(yesNo(), {
    about: 'Whether to connect with TLS.',
    default: 'true if there is another `tls` key or an `api_key`',
  }),
  server_name: key(text(), { about: "The server's name in its certificate, when it isn't the address." }),
  ca: key(text(), { about: "PEM file of the authority that signed the server's certificate." }),
  cert: key(text(), { about: 'PEM file of the client certificate.' }),
  key: key(text(), { about: "PEM file of the client certificate's key." }),
};

const codecKey = {
  id: required(name(63), { about: 'Its id, written beside each payload that it encrypts. Required.' }),
  file: required(text(), { about: 'File with 32 bytes in base64. Required.' }),
};

const codec = {
  current: key(name(63), { about: 'Id of the key that encrypts; all of `keys` decrypt.', default: 'the only key' }),
  keys: key(listOf(z.strictObject(codecKey, MAP), 'a list of `{id, file}`'), {
    about: 'Keys of the payload codec: files with 32 bytes in base64. Not from the environment.',
  }),
};

export const temporal = {
  address: key(hostAndPort(), { about: 'Where Temporal is.', default: '`localhost:7233`' }),
  namespace: key(name(200), { about: 'Its namespace.', default: '`berth`' }),
  api_key: key(text(), { about: 'API key, for Temporal Cloud.', secret: true }),
  tls: key(z.strictObject(tls, { error: 'true, false or a map' }), {
    about: 'TLS; `tls: true` is short for `tls: {enabled: true}`.',
  }),
  codec: key(z.strictObject(codec, MAP), { about: 'Encryption of payloads; absent: none.' }),
};
