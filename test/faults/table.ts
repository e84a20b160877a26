/** The table of the fault suite as Markdown: rows are processes, columns are steps. Pure. */

import { PROCESSES, STEPS } from './columns.js';
import type { CellName, Kind, Process, Step } from './columns.js';

export interface Result extends CellName {
  readonly passed: boolean;
  readonly seconds: number;
}

const row = (words: readonly string[]): string => `| ${words.join(' | ')} |`;

const resultsAt = (results: readonly Result[], process: Process, step: Step): readonly Result[] =>
  results.filter((each) => each.process === process && each.step === step);

const mark = ({ kind, passed }: Result): string => `${kind} ${passed ? '✓' : '✗'}`;

export function table(results: readonly Result[]): string {
  const cell = (process: Process, step: Step): string => resultsAt(results, process, step).map(mark).join(', ') || '–';
  return [
    row(['', ...STEPS]),
    row(['---', ...STEPS.map(() => '---')]),
    ...PROCESSES.map((process) => row([process, ...STEPS.map((step) => cell(process, step))])),
  ].join('\n');
}

const titleOf = (process: Process): string => `### ${process[0]?.toUpperCase() ?? ''}${process.slice(1)}`;

/** What was done in each cell, and how long the job took to come through. */
function details(results: readonly Result[]): string {
  const section = (process: Process): string => {
    const lines = STEPS.flatMap((step) => resultsAt(results, process, step)).map(lineOf);
    return [titleOf(process), '', ...lines].join('\n');
  };
  return PROCESSES.map(section).join('\n\n');
}

const lineOf = ({ step, kind, blow, passed, seconds }: Result): string =>
  `- ${step}: ${kind}, ${blow} (${passed ? `${seconds} s` : `failed after ${seconds} s`})`;

const LINE = /^- ([^:]+): ([^,]+), (.+) \((failed after )?(\d+) s\)$/;

/** The results that a document tells of. */
export function resultsIn(document: string): readonly Result[] {
  let process: Process | undefined;
  return document.split('\n').flatMap((line) => {
    if (line.startsWith('#')) process = PROCESSES.find((each) => titleOf(each) === line);
    const [, step, kind, blow = '', failed, seconds] = LINE.exec(line) ?? [];
    const known = STEPS.find((each) => each === step);
    if (process === undefined || known === undefined) return [];
    return [{ process, step: known, kind: kind as Kind, blow, passed: failed === undefined, seconds: Number(seconds) }];
  });
}

/** Cells of the table for which there is no result. */
export const missing = (results: readonly Result[]): readonly string[] =>
  PROCESSES.flatMap((process) =>
    STEPS.filter((step) => resultsAt(results, process, step).length === 0).map((step) => `${process} × ${step}`),
  );

export const BEGIN = '<!-- written by npm run test:faults -- --write -->';
export const END = '<!-- end -->';

/**
 * The document with the table and details between its marks written anew; of cells that were not played this time it
 * keeps what it said. @throws Error when it has no such marks
 */
export function withTable(document: string, results: readonly Result[]): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the document has no ${BEGIN} … ${END}`);
  const played = new Set(results.map(keyOf));
  const all = [...resultsIn(document).filter((each) => !played.has(keyOf(each))), ...results];
  const written = [BEGIN, table(all), details(all), END].join('\n\n');
  return document.slice(0, begin) + written + document.slice(end + END.length);
}

const keyOf = ({ process, step, kind, blow }: CellName): string => [process, step, kind, blow].join('/');
