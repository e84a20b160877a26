/** GitHub's two ways of paging: by number with `Link` to all sides, and by cursor with `Link` to the next. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpError } from './http-error.js';

interface PageQuery {
  readonly per_page?: string;
  readonly page?: string;
  readonly cursor?: string;
}

const DEFAULT_SIZE = 30;
const MAX_SIZE = 100;

/** A number from a query; anything else gives the default, as GitHub does. */
function positive(text: string | undefined, otherwise: number): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : otherwise;
}

function linkTo(request: FastifyRequest, changes: Readonly<Record<string, string>>, rel: string): string {
  const url = new URL(request.url, `${request.protocol}://${request.host}`);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  return `<${url.toString()}>; rel="${rel}"`;
}

/** The page that the query asks for; sets `Link` when there are others. */
export function pageOf<T>(request: FastifyRequest, reply: FastifyReply, items: readonly T[]): readonly T[] {
  const query = request.query as PageQuery;
  const size = Math.min(MAX_SIZE, positive(query.per_page, DEFAULT_SIZE));
  const page = positive(query.page, 1);
  const last = Math.max(1, Math.ceil(items.length / size));
  const links = [
    ...(page > 1 ? [linkTo(request, { page: String(page - 1) }, 'prev')] : []),
    ...(page < last ? [linkTo(request, { page: String(page + 1) }, 'next')] : []),
    ...(page < last ? [linkTo(request, { page: String(last) }, 'last')] : []),
    ...(page > 1 ? [linkTo(request, { page: '1' }, 'first')] : []),
  ];
  if (links.length > 0) void reply.header('link', links.join(', '));
  return items.slice((page - 1) * size, page * size);
}

/** The items from the cursor on. A cursor names the last item of the page before; one that is not known is 400. */
export function cursorPageOf<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  items: readonly T[],
  idOf: (item: T) => number,
): readonly T[] {
  const query = request.query as PageQuery;
  const size = Math.min(MAX_SIZE, positive(query.per_page, DEFAULT_SIZE));
  const after = query.cursor === undefined ? undefined : Number(/^v1_(\d+)$/.exec(query.cursor)?.[1]);
  if (after !== undefined && Number.isNaN(after)) throw new HttpError(400, 'Invalid cursor');
  const rest = after === undefined ? items : items.filter((item) => idOf(item) < after);
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  if (last !== undefined && rest.length > size) {
    void reply.header('link', linkTo(request, { cursor: `v1_${idOf(last)}` }, 'next'));
  }
  return shown;
}
