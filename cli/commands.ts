import type { Command } from 'commander';
import type { CliContext } from './context.js';

/** What a command's module exports. */
export interface CommandModule {
  /** Gives the command its options, subcommands and action; the action throws `CommandError` or `ConfigError`. */
  readonly define: (command: Command, context: CliContext) => void;
}

export interface CommandEntry {
  readonly name: string;
  readonly description: string;
  /** Loaded only when it is the one that runs: `berth --help` must not wait for Temporal's packages. */
  readonly load: () => Promise<CommandModule>;
  /** It runs for ever beside something that needs the memory more. */
  readonly isSmall?: boolean;
}

/** Every command, one line each. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    description: 'watch jobs run on a pretend fleet, without a Mac or GitHub',
    load: () => import('./demo.js'),
  },
  { name: 'dev', description: 'Temporal and every role of one config, in one process', load: () => import('./dev.js') },
  { name: 'run', description: 'every role of one config, in one process', load: () => import('./run.js') },
  { name: 'receiver', description: 'take webhooks from GitHub', load: () => import('./receiver.js') },
  {
    name: 'orchestrator',
    description: 'run the workflows and talk to GitHub',
    load: () => import('./orchestrator.js'),
  },
  {
    name: 'host',
    description: 'attend this machine: make VMs, run jobs, clean up',
    load: () => import('./host.js'),
    isSmall: true,
  },
  { name: 'hosts', description: 'list all hosts: their state, and why', load: () => import('./hosts.js') },
  { name: 'drain', description: 'give a host no new jobs', load: () => import('./drain.js') },
  { name: 'resume', description: 'give a host jobs again', load: () => import('./resume.js') },
  { name: 'sweep', description: 'find and remove now what was left or missed', load: () => import('./sweep.js') },
  { name: 'pull', description: 'pull a template on hosts, before a job needs it', load: () => import('./pull.js') },
  { name: 'config', description: 'check the configuration', load: () => import('./config.js') },
  { name: 'version', description: 'print the version', load: () => import('./version.js') },
];
