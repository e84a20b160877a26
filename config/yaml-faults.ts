import type { ErrorCode } from 'yaml';

interface Fault {
  readonly expected: string;
  readonly found: string;
}

const FAULTS: Partial<Record<ErrorCode, Fault>> = {
  DUPLICATE_KEY: { expected: 'each key once in a map', found: 'a key for the second time' },
  TAB_AS_INDENT: { expected: 'spaces as indentation', found: 'a tab' },
  BAD_INDENT: { expected: 'lines of one map or list at the same indentation', found: 'another indentation' },
  MISSING_CHAR: { expected: 'a complete value', found: 'a quote, bracket, comma or colon missing' },
  BLOCK_AS_IMPLICIT_KEY: { expected: 'one `key: value` on a line', found: 'a second one (quote a value with a colon)' },
  MULTILINE_IMPLICIT_KEY: { expected: '`key: value`', found: 'no space after the colon, or no colon' },
  MULTIPLE_DOCS: { expected: 'one document in the file', found: 'a second one after `---`' },
  BAD_ALIAS: { expected: 'an alias of an anchor above', found: 'an alias without one' },
  BAD_DQ_ESCAPE: { expected: 'an escape that YAML knows', found: 'another one (single quotes take `\\` as it is)' },
  BAD_SCALAR_START: { expected: 'a value', found: 'a character that must be quoted at its start' },
  TAG_RESOLVE_FAILED: { expected: 'a plain value', found: 'a tag (`!…`)' },
  UNEXPECTED_TOKEN: { expected: 'the end of the value', found: 'more text' },
};

/** A YAML fault in our words: the library's messages may quote the file, and a file has secrets. */
export function yamlFault(code: ErrorCode): Fault {
  return FAULTS[code] ?? { expected: 'valid YAML', found: `a fault (${code})` };
}
