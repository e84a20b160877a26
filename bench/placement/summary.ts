/** The figures of the simulations as Markdown tables, side by side. Pure. */

import { OLDEST_EVERY } from '../../placement/passing.js';
import { mean, percentile } from '../statistics.js';
import { HOSTS, JOBS, REPO_NAMES } from './scene.js';
import type { Simulation } from './simulate.js';

/** One policy, with what it did to the scene. */
interface Outcome {
  /** The head of its column. */
  readonly name: string;
  readonly simulation: Simulation;
  /** With 20,000 jobs waiting and all slots free: ms for each job placed. */
  readonly placeOneMs: readonly number[];
}

type Outcomes = readonly Outcome[];
type Row = readonly string[];

export function summaryOf(outcomes: Outcomes): string {
  const tables = [placementTable, waitTable, templateTable, boundTable, slotTable];
  return tables.map((table) => table(outcomes)).join('\n\n');
}

const table = (head: Row, lines: readonly Row[]): string =>
  [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const ms = (value: number): string => `${Number(value.toPrecision(2))} ms`;
const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;

/** A line with one cell for each policy. */
const row = (what: string, outcomes: Outcomes, cell: (one: Simulation) => string): Row => [
  what,
  ...outcomes.map(({ simulation }) => cell(simulation)),
];

const headOf = (what: string, outcomes: Outcomes): Row => [what, ...outcomes.map(({ name }) => name)];

function placementTable(outcomes: Outcomes): string {
  const grantsOf = ({ passes }: Simulation): number[] => passes.flatMap(({ grants }) => (grants > 0 ? [grants] : []));
  const costs = ({ passes }: Simulation): number[] => passes.map((pass) => pass.ms);
  return table(headOf(`placement: ${HOSTS} hosts, ${JOBS} jobs`, outcomes), [
    [
      'one of 20,000 waiting jobs placed while all slots are free, p50',
      ...outcomes.map(({ placeOneMs }) => ms(percentile(placeOneMs, 50))),
    ],
    row('one placement in the simulation (once a second), p50', outcomes, (one) => ms(percentile(costs(one), 50))),
    row('the same, worst', outcomes, (one) => ms(Math.max(...costs(one)))),
    row('CPU time for each job that got a slot, all placements included', outcomes, (one) =>
      ms(costs(one).reduce((sum, cost) => sum + cost, 0) / JOBS),
    ),
    row('slots granted at once, mean; most', outcomes, (one) => {
      const grants = grantsOf(one);
      return `${mean(grants).toFixed(1)}; ${Math.max(...grants)}`;
    }),
    row('jobs waiting at most', outcomes, ({ passes }) => String(Math.max(...passes.map(({ waiting }) => waiting)))),
    row('until the last job had its slot', outcomes, ({ tookS }) => `${tookS} s`),
  ]);
}

const waitTable = (outcomes: Outcomes): string =>
  waitsBy('waits for a slot, by repository', outcomes, ({ repo }) => `acme/${repo}`, repoNames());

const repoNames = (): readonly string[] => REPO_NAMES.map((repo) => `acme/${repo}`);

function templateTable(outcomes: Outcomes): string {
  const all = outcomes.flatMap(({ simulation }) => simulation.waits.map(({ template }) => template));
  return waitsBy('the same waits, by template', outcomes, ({ template }) => template, [...new Set(all)].sort());
}

function waitsBy(
  what: string,
  outcomes: Outcomes,
  groupOf: (wait: Simulation['waits'][number]) => string,
  groups: readonly string[],
): string {
  const head = [what, 'jobs', ...outcomes.map(({ name }) => `${name}: p50 / p95 / longest`)];
  return table(
    head,
    groups.map((group) => {
      const seconds = outcomes.map(({ simulation: { waits } }) =>
        waits.filter((wait) => groupOf(wait) === group).map(({ waitS }) => waitS),
      );
      return [group, String(seconds[0]?.length ?? 0), ...seconds.map(threeOf)];
    }),
  );
}

const threeOf = (seconds: readonly number[]): string =>
  seconds.length === 0 ? '' : `${[50, 95, 100].map((rank) => percentile(seconds, rank)).join(' / ')} s`;

function boundTable(outcomes: Outcomes): string {
  const waited = ({ keepings }: Simulation): number[] =>
    keepings.map(({ sinceS, endedS }) => (endedS ?? Infinity) - sinceS);
  const late = ({ keepings }: Simulation): number =>
    keepings.filter(({ sinceS, endedS, boundS }) => (endedS ?? Infinity) - sinceS > boundS).length;
  return table(headOf('starvation bounds', outcomes), [
    row(`most times in a row that a job was passed over (the bound: ${OLDEST_EVERY - 1})`, outcomes, (one) =>
      String(one.passedOver),
    ),
    row('jobs for which a host was kept', outcomes, ({ keepings }) => String(keepings.length)),
    row('from then to their slot, p50; longest', outcomes, (one) => {
      const seconds = waited(one);
      return seconds.length === 0 ? '' : `${percentile(seconds, 50)} s; ${Math.max(...seconds)} s`;
    }),
    row(
      'the longest bound of that: until the VMs of before, and those that may go first, had ended there',
      outcomes,
      (one) => `${Math.max(0, ...one.keepings.map(({ boundS }) => boundS))} s`,
    ),
    row('jobs that waited longer than that bound', outcomes, (one) => String(late(one))),
    row('younger jobs of another template that began on a kept host', outcomes, ({ keepings }) =>
      String(keepings.reduce((sum, one) => sum + one.overtaken, 0)),
    ),
    row('hosts that an older job took over: for the younger one the time begins anew', outcomes, ({ lost }) =>
      String(lost),
    ),
  ]);
}

function slotTable(outcomes: Outcomes): string {
  const share = (part: keyof Simulation['slots']) => (one: Simulation) => {
    const { used, kept, free } = one.slots;
    return percent(one.slots[part], used + kept + free);
  };
  return table(headOf('slots while jobs waited, share of slot time', outcomes), [
    row('in use', outcomes, share('used')),
    row('idle, kept for a job that is too big for what is free', outcomes, share('kept')),
    row('idle, and no waiting job fits: CPUs or memory taken, or a pull', outcomes, share('free')),
  ]);
}
