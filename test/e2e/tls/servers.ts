/** Servers that speak TLS: one in front of a Temporal, and one that only notes what it is sent. */

import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import type { Pair } from './certificates.js';

export interface TestServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

const files = ({ cert, key }: Pair): Pick<TlsOptions, 'cert' | 'key'> => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
});

/** Passes on to `target` what comes by TLS; with `clientCa` only from clients with a certificate of that authority. */
export async function startTlsProxy(target: string, pair: Pair, clientCa?: string): Promise<TestServer> {
  const [host = '', port = ''] = target.split(':');
  const ofClients =
    clientCa === undefined ? {} : { ca: readFileSync(clientCa), requestCert: true, rejectUnauthorized: true };
  const server = createServer({ ...files(pair), ...ofClients, ALPNProtocols: ['h2'] }, (inside) => {
    const outside = connect(Number(port), host);
    inside.on('error', () => outside.destroy());
    outside.on('error', () => inside.destroy());
    inside.pipe(outside).pipe(inside);
  });
  return listening(server);
}

export interface NotingServer extends TestServer {
  /** Of every call so far. */
  readonly headers: readonly IncomingHttpHeaders[];
}

/** Answers every gRPC call with UNIMPLEMENTED. */
export async function startNotingServer(pair: Pair): Promise<NotingServer> {
  const headers: IncomingHttpHeaders[] = [];
  const server = createSecureServer(files(pair));
  server.on('stream', (stream, received) => {
    headers.push(received);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true });
  });
  return { headers, ...(await listening(server)) };
}

async function listening(server: Server): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      sockets.forEach((socket) => socket.destroy());
      await closed;
    },
  };
}
