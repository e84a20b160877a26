import type { AnkaTemplate } from '../anka/host.js';

/** A template with a runner inside, as a host of the stack has it. */
export const XCODE: AnkaTemplate = {
  uuid: '8c7a3f0e-52b4-4f6e-9d2b-0c1a5e6f7a81',
  name: 'macos-26-xcode',
  tag: 'v3',
  runner: true,
};

/** The labels of a job that wants a template. */
export function labelsFor(template: AnkaTemplate, ...more: readonly string[]): readonly string[] {
  const tag = template.tag === undefined ? [] : [`anka-template-tag:${template.tag}`];
  return ['self-hosted', 'macOS', ...more, `anka-template:${template.uuid}`, ...tag];
}
