/** The record of REST calls, and what is known of a call while it is being served. */

import type { FastifyRequest } from 'fastify';
import type { Credential } from '../credentials.js';
import type { Fault } from '../faults.js';
import type { HeldCall, SimCall } from '../types.js';

/** What the REST app knows of a request under way. */
export interface CallContext {
  readonly startedAt: number;
  readonly path: string;
  readonly query: string;
  credential: Credential;
  faults: readonly Fault[];
  /** Counted in the limits, so its end must be told. */
  counted: boolean;
  free: boolean;
  recorded: boolean;
}

export interface Calls {
  readonly open: (request: FastifyRequest) => CallContext;
  readonly of: (request: FastifyRequest) => CallContext;
  readonly record: (call: SimCall) => void;
  readonly all: () => readonly SimCall[];
  /** Waits for this; until then the call is among those held. */
  readonly holding: (request: FastifyRequest, until: Promise<void>) => Promise<void>;
  readonly held: () => readonly HeldCall[];
  readonly clear: () => void;
}

/** The oldest are forgotten beyond this. */
const MAX_CALLS = 100_000;

export const GHES_PREFIX = '/api/v3';

export function createCalls(changed: () => void): Calls {
  const held = new Set<HeldCall>();
  const contexts = new WeakMap<FastifyRequest, CallContext>();
  const calls: SimCall[] = [];
  const of = (request: FastifyRequest): CallContext => {
    const context = contexts.get(request);
    if (context === undefined) throw new Error('a request without a call context');
    return context;
  };
  return {
    of,
    open: (request) => {
      const { pathname, search } = new URL(request.url, 'http://simulator');
      const path = pathname.startsWith(`${GHES_PREFIX}/`) ? pathname.slice(GHES_PREFIX.length) : pathname;
      const nothing = { credential: { kind: 'none' }, faults: [], counted: false, recorded: false } as const;
      const context = { startedAt: Date.now(), path, query: search.slice(1), free: path === '/rate_limit', ...nothing };
      contexts.set(request, context);
      return context;
    },
    record: (call) => {
      calls.push(call);
      if (calls.length > MAX_CALLS) calls.shift();
      changed();
    },
    all: () => [...calls],
    holding: async (request, until) => {
      const { startedAt: at, path } = of(request);
      const call: HeldCall = { at, method: request.method, path };
      held.add(call);
      changed();
      await until.finally(() => held.delete(call));
    },
    held: () => [...held],
    clear: () => void calls.splice(0),
  };
}
