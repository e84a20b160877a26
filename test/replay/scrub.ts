/** Takes the recording machine out of a history, which is kept in the repository for ever. */

import { hostname, tmpdir } from 'node:os';
import { ROOT } from '../docs/markdown.js';
import type { History } from './histories.js';

/** Fields that say who did it and from where; no workflow reads them. */
const REPLACED: Readonly<Record<string, string>> = { identity: 'recorded', stackTrace: '' };

/** The queue of one worker's own is named after its process and machine. */
const STICKY = 'TASK_QUEUE_KIND_STICKY';

/** @throws Error when a name of this machine is in it all the same, in a payload perhaps */
export function scrubbed(history: History): History {
  const result = walk(history) as History;
  const text = readable(result);
  // The SDK calls a process `<pid>@<host>`.
  for (const own of [`@${hostname()}`, ROOT, tmpdir()]) {
    if (text.includes(own)) throw new Error(`the history names this machine: ${excerpt(text, own)}`);
  }
  return result;
}

/** The history with its payloads, which are base64, in clear. */
export function readable(history: History): string {
  const text = JSON.stringify(history);
  const payloads = [...text.matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString('utf8'),
  );
  return [text, ...payloads].join('\n');
}

function walk(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== 'object' || value === null) return value;
  const entries: [string, unknown][] = Object.entries(value);
  const isSticky = entries.some(([name, field]) => name === 'kind' && field === STICKY);
  return Object.fromEntries(
    entries.map(([name, field]) => {
      if (isSticky && name === 'name') return [name, 'recorded-sticky'];
      const replacement = typeof field === 'string' ? REPLACED[name] : undefined;
      return [name, replacement ?? walk(field)];
    }),
  );
}

function excerpt(text: string, word: string): string {
  const at = text.indexOf(word);
  return text.slice(Math.max(0, at - 80), at + 80);
}
