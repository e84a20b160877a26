/** The recorded histories: gzipped JSON in `histories/<label>/<name>.json.gz`. Kept for ever: no file is replaced. */

import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const HISTORIES = join(import.meta.dirname, 'histories');

const ENDING = '.json.gz';

export interface Recorded {
  /** The set it belongs to: `0.1.0-20261121`. */
  readonly label: string;
  /** What happened, and to which workflow: `swapped-a.runner-1`. */
  readonly name: string;
  readonly file: string;
}

/** What a replay needs to know of a history; the rest of it is the SDK's. */
export interface History {
  readonly events: readonly HistoryEvent[];
}

export interface HistoryEvent {
  readonly eventType: string;
  readonly [attribute: string]: unknown;
}

export async function recordedHistories(): Promise<readonly Recorded[]> {
  const labels = (await readdir(HISTORIES, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const sets = labels.map(async ({ name: label }) => {
    const files = (await readdir(join(HISTORIES, label))).filter((file) => file.endsWith(ENDING)).sort();
    return files.map((file) => ({ label, name: file.slice(0, -ENDING.length), file: join(HISTORIES, label, file) }));
  });
  return (await Promise.all(sets)).flat();
}

export async function readHistory(file: string): Promise<History> {
  return JSON.parse(gunzipSync(await readFile(file)).toString('utf8')) as History;
}

/** What the first event says. */
export function startOf({ events }: History): {
  readonly workflowId: string;
  readonly continuedExecutionRunId?: string;
} {
  return events[0]?.['workflowExecutionStartedEventAttributes'] as ReturnType<typeof startOf>;
}

export const workflowIdOf = (history: History): string => startOf(history).workflowId;

/** A label that no set has yet: the wanted one, or the wanted one with `-2`, `-3`, … */
export function freeLabel(wanted: string): string {
  for (let turn = 1; ; turn += 1) {
    const label = turn === 1 ? wanted : `${wanted}-${turn}`;
    if (!existsSync(join(HISTORIES, label))) return label;
  }
}

/** @throws Error when there is a file of this name */
export async function writeHistory(label: string, name: string, history: History): Promise<void> {
  const folder = join(HISTORIES, label);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}${ENDING}`), gzipSync(JSON.stringify(history), { level: 9 }), { flag: 'wx' });
}
