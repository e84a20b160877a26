/**
 * What a job's labels ask for. Labels are user input (anyone who can edit a workflow file sets them) and a template's
 * id ends up in a command's argument: every value is checked here, once, before anything else sees it.
 */

export const TEMPLATE_LABEL = 'anka-template:';
export const TAG_LABEL = 'anka-template-tag:';

/** The tag that stands for "whatever the registry has now". */
export const LATEST = 'latest';

/** GitHub's own limit on a runner's labels (REST `generate-jitconfig`: 1 to 100). */
const MAX_LABELS = 100;
const MAX_LABEL_LENGTH = 256;

/** Letters, digits, and what templates and tags are named with; never first a dash, which would be an option. */
const SAFE_VALUE = /^[A-Za-z0-9_][A-Za-z0-9._+:@-]{0,127}$/;

/** Whether this could be a template's id or name, or a tag. */
export const isLabelValue = (value: string): boolean => SAFE_VALUE.test(value);

const CONTROL = /[\u0000-\u001f\u007f]/;

/** Labels reach scripts as arguments in `token` mode; none of these has a place in a label. */
const SHELL = /[$`"'\\;|&<>(){}*?!]/;

/** Whether a job with such a label is refused at the door. */
export const hasUnsafeCharacter = (label: string): boolean => CONTROL.test(label) || SHELL.test(label);

/** What a job asks for, or why it cannot be had. */
export type LabelVerdict =
  /** Not Berth's: no template label at all. */
  | { readonly kind: 'foreign' }
  /** Unsafe input: refused at the door, nothing is done with it. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Harmless and meant for Berth, but no runner can be made from it: the job is ended with this reason. */
  | { readonly kind: 'wrong'; readonly reason: string }
  | { readonly kind: 'ours'; readonly template: string; readonly tag: string; readonly labels: readonly string[] };

/** Lower case, trimmed, no duplicates, sorted: two jobs with equal results are interchangeable to GitHub. */
export function normaliseLabels(labels: readonly string[]): readonly string[] {
  return [...new Set(labels.map((label) => label.trim().toLowerCase()))].sort();
}

const startsWith = (label: string, start: string): boolean => label.trim().toLowerCase().startsWith(start);

/** The values behind `start`, as written, without repeats. */
function valuesOf(labels: readonly string[], start: string): readonly string[] {
  const matching = labels.filter((label) => startsWith(label, start));
  return [...new Set(matching.map((label) => label.trim().slice(start.length)))];
}

/** Reads the labels of a job. Pure; any input gives a verdict, never an exception. */
export function readLabels(labels: readonly string[]): LabelVerdict {
  const isOurs = labels.some((label) => startsWith(label, TEMPLATE_LABEL) || startsWith(label, TAG_LABEL));
  if (!isOurs) return { kind: 'foreign' };
  const unsafe = whyUnsafe(labels);
  if (unsafe !== undefined) return { kind: 'refused', reason: unsafe };
  const wrong = whyWrong(labels);
  if (wrong !== undefined) return { kind: 'wrong', reason: wrong };
  const [template = ''] = valuesOf(labels, TEMPLATE_LABEL);
  const [tag = LATEST] = valuesOf(labels, TAG_LABEL);
  return { kind: 'ours', template, tag, labels: withoutRepeats(labels) };
}

function whyUnsafe(labels: readonly string[]): string | undefined {
  if (labels.length > MAX_LABELS) return `it has ${labels.length} labels; GitHub allows a runner ${MAX_LABELS}`;
  if (labels.some((label) => label.length > MAX_LABEL_LENGTH)) {
    return `a label is longer than ${MAX_LABEL_LENGTH} characters`;
  }
  if (labels.some((label) => CONTROL.test(label))) return 'a label contains a control character';
  const shell = labels.find((label) => SHELL.test(label));
  if (shell !== undefined) return `the label ${JSON.stringify(shell)} contains a character that shells act on`;
  const values = [...valuesOf(labels, TEMPLATE_LABEL), ...valuesOf(labels, TAG_LABEL)];
  const bad = values.find((value) => !SAFE_VALUE.test(value));
  return bad === undefined ? undefined : `${JSON.stringify(bad)} is not a template id or tag`;
}

function whyWrong(labels: readonly string[]): string | undefined {
  const templates = valuesOf(labels, TEMPLATE_LABEL);
  const tags = valuesOf(labels, TAG_LABEL);
  if (templates.length === 0) return `it has the label ${TAG_LABEL} but no ${TEMPLATE_LABEL}`;
  if (templates.length > 1) return `it names ${templates.length} templates`;
  return tags.length > 1 ? `it names ${tags.length} template tags` : undefined;
}

/** The labels as written, each once (without regard to case), in their first order. */
export function withoutRepeats(labels: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return labels
    .map((label) => label.trim())
    .filter((label) => {
      const key = label.toLowerCase();
      if (label === '' || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}

/**
 * The labels as one argument of GitHub's `config.sh`, which splits it at commas; undefined when a label has a comma, so
 * that it cannot be said. Labels with a leading dash come last: an argument that begins with one is taken for an option.
 */
export function labelArgument(labels: readonly string[]): string | undefined {
  if (labels.some((label) => label.includes(','))) return undefined;
  const hasDash = (label: string): boolean => label.startsWith('-');
  return [...labels.filter((label) => !hasDash(label)), ...labels.filter(hasDash)].join(',');
}
