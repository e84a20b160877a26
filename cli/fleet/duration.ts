import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A year. */
const MOST_MS = 366 * 86_400_000;

/**
 * `90s`, `30m`, `2h`, `1d` in milliseconds, or `none`.
 * @throws InvalidArgumentError for anything else
 */
export function parseDuration(text: string): number | 'none' {
  if (text === 'none') return text;
  const [, number = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? NaN);
  if (ms > 0 && ms <= MOST_MS) return ms;
  throw new InvalidArgumentError('Expected a time like 90s, 30m, 2h or 1d, up to a year, or none.');
}
