import { ConfigError, problemText } from '../../config/problems.js';
import { parseConfig } from '../../config/parse.js';
import type { LoadedConfig } from '../../config/parse.js';

const FILE = '/etc/berth.yml';
export const HOME = '/home/me';

export const parse = (text: string, env: Record<string, string> = {}): LoadedConfig =>
  parseConfig(text, { file: FILE, env, home: HOME, hostname: 'mini-01.lan' });

/** The problems as `line:column: text`, or `VARIABLE: text`. */
export function problemsOf(text: string, env: Record<string, string> = {}): readonly string[] {
  try {
    parse(text, env);
    return [];
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    return err.problems.map((problem) =>
      problemText(problem)
        .replace(`${FILE}:`, '')
        .replace(/^environment variable /, ''),
    );
  }
}
