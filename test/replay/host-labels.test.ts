/**
 * A dispatcher may have heard labels of hosts before it looked at them: an agent that is newer than the orchestrator says
 * them. What such a run granted is replayed as it was.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import type { HostReport } from '../../activities/contracts.js';
import { packFleet, unpackFleet } from '../../placement/carry.js';
import type { DispatcherInput } from '../../workflows/dispatcher.js';
import { readHistory, recordedHistories, workflowIdOf } from './histories.js';
import type { History, HistoryEvent } from './histories.js';
import { installQuietRuntime } from './quiet-runtime.js';
import { failuresOf, replay } from './replay.js';
import type { NamedHistory } from './replay.js';
import { readable } from './scrub.js';
import { bundleWith, currentBundle } from './workflow-bundle.js';

/** All jobs have this label; as a host's it keeps them from every other host. */
const LABELS = ['macOS'];
const HOST = 'one';

/** The patch, in the history of a run that did look. */
const LOOKED = '"host-labels"';

const recorded = (await recordedHistories()).filter(({ name }) => /^dispatcher-/.test(name));

interface Payload {
  readonly data: string;
}

interface Attributes {
  readonly signalName?: string;
  readonly input: { readonly payloads: readonly Payload[] };
}

const STARTED = 'workflowExecutionStartedEventAttributes';
const SIGNALED = 'workflowExecutionSignaledEventAttributes';

const labelled = (report: HostReport): HostReport => (report.host === HOST ? { ...report, labels: LABELS } : report);

/** The books of the run before. */
function labelledInput(input: DispatcherInput): DispatcherInput {
  const fleet = input.packed === undefined ? input.fleet : unpackFleet(input.packed);
  if (fleet === null) return input;
  for (const host of Object.values(fleet.hosts)) host.report = labelled(host.report);
  return input.packed === undefined ? { ...input, fleet } : { ...input, packed: packFleet(fleet) };
}

function rewritten<T>(event: HistoryEvent, key: string, rewrite: (value: T) => T): HistoryEvent {
  const attributes = event[key] as Attributes;
  const payloads = attributes.input.payloads.map((payload) => {
    const value = JSON.parse(Buffer.from(payload.data, 'base64').toString('utf8')) as T;
    return { ...payload, data: Buffer.from(JSON.stringify(rewrite(value))).toString('base64') };
  });
  return { ...event, [key]: { ...attributes, input: { payloads } } };
}

function withLabels(history: History): History {
  const events = history.events.map((event) => {
    if (event[STARTED] !== undefined) return rewritten(event, STARTED, labelledInput);
    const isReport = (event[SIGNALED] as Attributes | undefined)?.signalName === 'hostReported';
    return isReport ? rewritten(event, SIGNALED, labelled) : event;
  });
  return { ...history, events };
}

describe('runs in which a host had a label that nobody looked at', () => {
  let histories: NamedHistory[];
  const answers = async (code: string): Promise<readonly string[]> => failuresOf(await replay(code, histories));

  beforeAll(async () => {
    installQuietRuntime();
    const all = await Promise.all(recorded.map(async ({ file }) => ({ file, history: await readHistory(file) })));
    histories = all
      .filter(({ history }) => !readable(history).includes(LOOKED))
      .map(({ file, history }) => ({ name: file, workflowId: workflowIdOf(history), history: withLabels(history) }));
  });

  it('are replayed as they were', async () => {
    expect(histories.length).toBeGreaterThan(3);
    expect(await answers(await currentBundle())).toEqual([]);
  }, 60_000);

  it('would not be, if labels counted in every run', async () => {
    const everywhere = {
      file: 'workflows/dispatcher.ts',
      after: /^ {2}followLabels\(fleet, Object/,
      insert: 'fleet.rules = { ...fleet.rules, hostLabels: true };',
    };
    const failures = await answers(await bundleWith([everywhere]));
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) expect(failure).toMatch(/nondeterminism/i);
  }, 60_000);
});
