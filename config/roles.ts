import { hasCredential } from './credentials.js';
import type { Config } from './types.js';

/** What a process can be. */
export type Role = 'receiver' | 'orchestrator' | 'host' | 'metrics';

/** The roles that a config names: `berth run` takes them all. A credential is what an orchestrator needs. */
export function rolesOf(config: Config): readonly Role[] {
  return [
    ...(config.receiver === null ? [] : (['receiver'] as const)),
    ...(hasCredential(config) ? (['orchestrator'] as const) : []),
    ...(config.slots.length === 0 ? [] : (['host'] as const)),
    ...(config.metrics.aggregator ? (['metrics'] as const) : []),
  ];
}

/** What is odd about a config for a process with these roles. Pure. */
export function warningsForRoles(config: Config, roles: readonly Role[]): readonly string[] {
  const isHostOnly = roles.includes('host') && !roles.includes('orchestrator');
  const warnings: string[] = [];
  if (isHostOnly && hasCredential(config)) {
    warnings.push(
      `${config.file} holds a credential for GitHub, which only the orchestrator uses: it can be removed from this host`,
    );
  }
  if (roles.includes('orchestrator') && !hasCredential(config)) {
    warnings.push(`${config.file} has no credential for GitHub: no runner can be registered until it has one`);
  }
  return warnings;
}
