/** The pretend runner's process: `run`, `configure` or `remove`. */

import { configure, remove } from './configure.mjs';
import { loadEnvFile, openLog } from './files.mjs';
import { serve } from './serve.mjs';

/** `--name value` and `--flag` as an object; a flag is `true`. */
function parseOptions(args) {
  const options = {};
  for (let i = 0; i < args.length; i += 1) {
    const key = args[i].replace(/^--/, '');
    const value = args[i + 1];
    if (value === undefined || value.startsWith('--')) options[key] = true;
    else {
      options[key] = value;
      i += 1;
    }
  }
  return options;
}

loadEnvFile();
const [command, ...rest] = process.argv.slice(2);
const options = parseOptions(rest);
const commands = { run: serve, configure, remove };
const action = commands[command];
if (action === undefined) {
  console.error(`Unknown command '${command ?? ''}'`);
  process.exit(1);
}
const log = openLog('Runner');
try {
  process.exitCode = await action(options, log);
} catch (error) {
  log(`Error: ${error.message}`);
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}
log(`exit code ${process.exitCode ?? 0}`);
process.exit();
