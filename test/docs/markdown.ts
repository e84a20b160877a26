/** The project's own documents, and what can be checked in them. */

import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface Doc {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

export async function allDocs(): Promise<readonly Doc[]> {
  const entries = await readdir(join(ROOT, 'docs'), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.md'));
  const paths = files.map((file) => relative(ROOT, join(file.parentPath ?? file.path, file.name)));
  return Promise.all(['README.md', ...paths].map(readDoc));
}

export async function readDoc(path: string): Promise<Doc> {
  return { path, text: await readFile(join(ROOT, path), 'utf8') };
}

/** The fenced blocks of one language, without the indentation of a list around them. */
export function blocksOf(text: string, language: string): readonly string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^\\1\`\`\``, 'gm');
  return [...text.matchAll(fence)].map(([, indent = '', block = '']) => block.replaceAll(`\n${indent}`, '\n').trim());
}

export const withoutBlocks = (text: string): string => text.replace(/^ *```[^]*?^ *```/gm, '');

/** Anchors as GitHub makes them from headings. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...withoutBlocks(text).matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(headings.map(anchorOf));
}

const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
