// Prints the tests that failed, by name and with the first lines of why. Arguments: a name for the run, its JSON report.
import { existsSync, readFileSync } from 'node:fs';

const MAX_LINES_OF_WHY = 12;

const [, , run, file] = process.argv;
const { testResults } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { testResults: [] };
for (const { name, message, assertionResults } of testResults) {
  if (assertionResults.length === 0 && message) console.log(`${run}: ${name}\n${message}`);
  for (const { status, fullName, failureMessages } of assertionResults) {
    if (status !== 'failed') continue;
    const why = failureMessages.join('\n').split('\n').slice(0, MAX_LINES_OF_WHY);
    console.log([`${run}: FAILED ${fullName}`, ...why].join('\n    '));
  }
}
