/** Prints the table when the run is over; with `BERTH_FAULTS_WRITE` it is written to docs/reliability.md, too. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { missing, resultsIn, table, withTable } from './table.js';
import type { Result } from './table.js';

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'reliability.md');

export default class TableReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const results = modules.flatMap((module) => [...module.children.allTests()].flatMap(resultOf));
    if (results.length === 0) return;
    const passed = results.filter((each) => each.passed).length;
    const counts = `${results.length} cells, ${passed} passed, ${results.length - passed} failed`;
    process.stdout.write(`\n${await markdown(table(results))}\n${counts}\n`);
    if (process.env['BERTH_FAULTS_WRITE'] !== undefined) await write(results);
  }
}

function resultOf(test: TestCase): readonly Result[] {
  const { cell } = test.meta();
  if (cell === undefined) return [];
  const seconds = Math.round((test.diagnostic()?.duration ?? 0) / 1000);
  return [{ ...cell, passed: test.result().state === 'passed', seconds }];
}

async function write(results: readonly Result[]): Promise<void> {
  const text = await markdown(withTable(await readFile(DOCUMENT, 'utf8'), results));
  await writeFile(DOCUMENT, text);
  const absent = missing(resultsIn(text));
  const lacks = absent.length === 0 ? '' : `; it lacks ${absent.join(', ')}`;
  process.stdout.write(`docs/reliability.md is written${lacks}\n`);
}

async function markdown(text: string): Promise<string> {
  return format(text, { ...(await resolveConfig(DOCUMENT)), parser: 'markdown' });
}
