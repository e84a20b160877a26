const PUBLIC_API = 'https://api.github.com';

/**
 * The web address that belongs to an address of GitHub's API, or undefined where it doesn't follow:
 * github.com, GHES (`https://HOST/api/v3`) and GitHub Enterprise Cloud with data residency (`https://api.NAME.ghe.com`).
 */
export function webUrlOf(apiUrl: string): string | undefined {
  if (apiUrl === PUBLIC_API) return 'https://github.com';
  const url = new URL(apiUrl);
  if (url.pathname === '/api/v3') return `${url.protocol}//${url.host}`;
  const residency = /^api\.([a-z0-9-]+\.ghe\.com)$/.exec(url.host);
  return residency !== null && url.pathname === '/' ? `${url.protocol}//${residency[1]}` : undefined;
}

export const DEFAULT_API_URL = PUBLIC_API;
