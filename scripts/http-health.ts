/** A container's health check: exits 0 when the address answers 2xx. */

const [, , url = ''] = process.argv;
const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch((err: unknown) => err as Error);
if (answer instanceof Error || !answer.ok) {
  console.error(`${url}: ${answer instanceof Error ? answer.message : answer.status}`);
  process.exitCode = 1;
}
