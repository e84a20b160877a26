import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP port of the loopback address that was free a moment ago. Another process may take it: be ready to try again. */
export async function freePort(): Promise<number> {
  return listenOnce(0);
}

/** @throws Error that names the port when another process listens on it */
export async function assertFree(port: number): Promise<void> {
  try {
    await listenOnce(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`port ${port} cannot be used (${code ?? 'unknown error'}): another process may listen on it`, {
      cause: error,
    });
  }
}

async function listenOnce(wanted: number): Promise<number> {
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
