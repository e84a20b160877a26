/** What makes VMs. One implementation a product (`anka`, later `tart`, `lxd`, `kubernetes`); all errors are classified. */

import type { FailureType } from '../jobs/failures.js';

/** A VM image: a template's id or name, and its tag (`latest` = whatever the registry has). */
export interface TemplateRef {
  readonly template: string;
  readonly tag: string;
}

export type VmStatus = 'running' | 'stopped' | 'suspended' | 'failed' | 'unknown';

/** One entry of the host's library: a template or a VM, the tool does not always tell which. */
export interface LibraryEntry {
  readonly uuid: string;
  readonly name: string;
  /** Absent for untagged templates and for VMs. */
  readonly tag?: string;
  readonly status: VmStatus;
}

export interface ProviderInfo {
  readonly kind: string;
  readonly version: string;
  /** Things a person must mend before VMs can run here; empty when all is well. */
  readonly problems: readonly string[];
}

export interface PullProgress {
  readonly percent?: number;
  readonly bytes?: number;
}

/** How large a VM is. */
export interface VmShape {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly imageBytes?: number;
}

/** What a pull would take, in bytes. */
export interface PullSize {
  /** What is still to be downloaded: the template's size without what is cached. */
  readonly bytes: number;
  /** Free on the disk of the VM library. */
  readonly availableBytes: number;
  /** The size of that disk. */
  readonly diskBytes: number;
}

/** Common to all calls that may take long: `signal` ends the command (except a delete). */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface PullOptions extends CallOptions {
  /** The process that downloads has begun. It goes on when we are killed. */
  readonly onProcess?: (pid: number) => void;
}

export interface GuestRunOptions extends CallOptions {
  /** Milliseconds; 0 = no limit (a watch). */
  readonly timeoutMs: number;
  /** Called for each line of the guest's standard output. */
  readonly onLine?: (line: string) => void;
}

export interface GuestRunResult {
  readonly exitCode: number;
  /** The last 4 kB of standard error, for the operator. */
  readonly stderrTail: string;
}

export interface Provider {
  readonly kind: string;
  /** Version and licence; never throws for a problem a person must mend: it is in `problems`. */
  probe(): Promise<ProviderInfo>;
  /** Everything in the host's library, in one command. */
  list(options?: CallOptions): Promise<readonly LibraryEntry[]>;
  /** The template's local tag, or undefined when it is not on the host. */
  localTag(template: string, options?: CallOptions): Promise<{ readonly tag: string } | undefined>;
  /**
   * Pulls the template from its registry. One pull at a time on a host is the caller's duty.
   * @throws ProviderError `TemplateNotFound` when the registry has no such template or tag, `RegistryUnavailable` when
   * it does not answer, `DiskFull`, `TemplatePullFailed`
   */
  pull(
    ref: TemplateRef,
    registryUrl: string | undefined,
    onProgress: (progress: PullProgress) => void,
    options?: PullOptions,
  ): Promise<void>;
  /**
   * What a template or VM takes of its host, by its id; undefined when the tool does not say.
   * @throws ProviderError `CommandFailed` also where it is not there: that is nobody's `TemplateNotFound`
   */
  sizeOf(uuid: string, options?: CallOptions): Promise<VmShape | undefined>;
  /** What a pull of this would take; undefined when there is nothing to download, or the tool does not know. */
  pullSize(ref: TemplateRef, registryUrl: string | undefined, options?: CallOptions): Promise<PullSize | undefined>;
  /** Whether the registry has this template and tag. @throws ProviderError `RegistryUnavailable` */
  hasInRegistry(ref: TemplateRef, registryUrl: string | undefined, options?: CallOptions): Promise<boolean>;
  /** Deletes a local template, by its id. Missing = success. That it is one, and unused, is the caller's duty. */
  removeTemplate(uuid: string): Promise<void>;
  clone(ref: TemplateRef, vm: string, options?: CallOptions): Promise<void>;
  start(vm: string, options?: CallOptions): Promise<void>;
  /** Copies one file into the guest's login folder, keeping its mode. */
  copyIn(vm: string, hostPath: string, options?: CallOptions): Promise<void>;
  /** Shares a folder of the host with the running VM. @throws ProviderError `MountFailed` */
  mount(vm: string, hostPath: string, guestName: string | undefined, options?: CallOptions): Promise<void>;
  /** Runs a constant bash command in the guest. `command` must never contain anything from outside Berth. */
  run(vm: string, command: string, options: GuestRunOptions): Promise<GuestRunResult>;
  /**
   * Deletes the VM, running or not. Missing = success. Not ended when it takes too long, but may be asked for again; only
   * one that hangs is ended, long after that.
   */
  destroy(vm: string): Promise<{ readonly existed: boolean }>;
}

/** A failure of a VM command, classified once, here, so that workflows decide by type only. */
export class ProviderError extends Error {
  readonly type: FailureType;

  constructor(type: FailureType, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProviderError';
    this.type = type;
  }
}
