import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { GuestState } from '../../activities/contracts.js';
import { GUEST_START, GUEST_STATE, GUEST_WATCH } from '../../agent/guest-files.js';
import { NOTHING_YET } from '../../agent/guest-state.js';
import { ProviderError } from '../../providers/provider.js';
import type { VmShape } from '../../providers/provider.js';
import type {
  CallOptions,
  LibraryEntry,
  Provider,
  PullProgress,
  PullSize,
  TemplateRef,
  VmStatus,
} from '../../providers/provider.js';

export const TEMPLATE = 'a6f24306-2af7-45ed-9d70-3a3c1ee7f03a';

interface Vm {
  status: VmStatus;
  state: GuestState;
  readonly files: Map<string, string>;
  readonly watchers: Set<{ line: (text: string) => void; end: (error?: Error) => void }>;
}

/** VMs in memory, which behave as a test says. */
export class FakeProvider implements Provider {
  kind = 'fake';
  readonly calls: string[] = [];
  readonly vms = new Map<string, Vm>();
  templates: LibraryEntry[] = [{ uuid: TEMPLATE, name: 'macos', tag: 'v1', status: 'stopped' }];
  problems: string[] = [];
  version = '1';
  /** The size of the disk, which templates fill; null: this provider cannot say what a pull takes. */
  diskBytes: number | null = null;
  /** Bytes of templates, by id. */
  readonly sizes = new Map<string, number>();
  /** Templates and tags, as `id:tag`, that the registry has. */
  readonly registry = new Set<string>();
  /** What a pull says of its progress. */
  progress: readonly PullProgress[] = [];
  /** Awaited at the begin of each call; throws to make it fail. */
  before: (call: string, options?: CallOptions) => Promise<void> | void = () => undefined;
  /** The greatest number of VMs that ran at once. */
  mostRunning = 0;

  add(name: string, status: VmStatus): Vm {
    const vm: Vm = { status, state: NOTHING_YET, files: new Map(), watchers: new Set() };
    this.vms.set(name, vm);
    return vm;
  }

  /** What the guest's watch says from now on. */
  say(name: string, state: Partial<GuestState>): void {
    const vm = this.vm(name);
    vm.state = { ...vm.state, ...state };
    for (const { line, end } of [...vm.watchers]) {
      line(JSON.stringify(vm.state));
      if (vm.state.exitCode !== null) end();
    }
  }

  /** Ends the VM's watches as a lost connection does. */
  breakWatch(name: string): void {
    for (const { end } of [...this.vm(name).watchers]) end(new ProviderError('GuestUnreachable', 'connection lost'));
  }

  crash(name: string): void {
    this.vm(name).status = 'stopped';
    this.breakWatch(name);
  }

  count(start: string): number {
    return this.calls.filter((call) => call.startsWith(start)).length;
  }

  async probe() {
    await this.called('probe');
    return { kind: this.kind, version: this.version, problems: this.problems };
  }

  async list(options?: CallOptions) {
    const vms = [...this.vms].map(([name, { status }]) => ({ uuid: `uuid-${name}`, name, status }));
    // What a real tool prints is as old as its begin.
    const entries = [...this.templates, ...vms];
    await this.called('list', options);
    return entries;
  }

  async localTag(template: string, options?: CallOptions) {
    await this.called(`list ${template}`, options);
    const entry = this.templates.find(({ uuid }) => uuid === template);
    return entry === undefined ? undefined : { tag: entry.tag ?? 'latest' };
  }

  async pull(
    ref: { template: string; tag: string },
    registry: string | undefined,
    onProgress: (progress: PullProgress) => void,
    options?: CallOptions,
  ) {
    await this.called(`pull ${ref.template} ${ref.tag}${registry === undefined ? '' : ` ${registry}`}`, options);
    this.progress.forEach(onProgress);
    const rest = this.templates.filter(({ uuid }) => uuid !== ref.template);
    this.templates = [
      ...rest,
      {
        uuid: ref.template,
        name: ref.template === TEMPLATE ? 'macos' : `name of ${ref.template}`,
        tag: ref.tag,
        status: 'stopped',
      },
    ];
  }

  async pullSize(ref: TemplateRef, _registry: string | undefined, options?: CallOptions) {
    if (this.diskBytes === null) return undefined;
    await this.called(`size ${ref.template} ${ref.tag}`, options);
    const used = this.templates.reduce((sum, { uuid }) => sum + (this.sizes.get(uuid) ?? 0), 0);
    const bytes = this.sizes.get(ref.template) ?? 0;
    return { bytes, availableBytes: this.diskBytes - used, diskBytes: this.diskBytes } satisfies PullSize;
  }

  async hasInRegistry({ template, tag }: TemplateRef, registry: string | undefined, options?: CallOptions) {
    await this.called(`registry show ${template} ${tag}${registry === undefined ? '' : ` ${registry}`}`, options);
    return this.registry.has(`${template}:${tag}`);
  }

  async sizeOf(uuid: string, options?: CallOptions): Promise<VmShape | undefined> {
    // Hosts ask this at any time, so it counts as a call only where a test is about sizes.
    if (this.sizes.size === 0) return undefined;
    await this.called(`show ${uuid}`, options);
    const imageBytes = this.sizes.get(uuid);
    return imageBytes === undefined ? undefined : { cpus: 4, memoryBytes: 8e9, imageBytes };
  }

  async removeTemplate(uuid: string) {
    await this.called(`remove ${uuid}`);
    this.templates = this.templates.filter((entry) => entry.uuid !== uuid);
  }

  async mount(vm: string, hostPath: string, guestName: string | undefined, options?: CallOptions) {
    await this.called(`mount ${vm} ${hostPath}${guestName === undefined ? '' : ` ${guestName}`}`, options);
    if (this.vm(vm).status !== 'running') throw new ProviderError('MountFailed', 'not running');
  }

  async clone({ template }: { template: string; tag: string }, vm: string, options?: CallOptions) {
    const tag = this.templates.find(({ uuid }) => uuid === template)?.tag;
    await this.called(`clone ${template} ${vm}`, options);
    if (tag === undefined) throw new ProviderError('TemplateNotFound', 'no template');
    if (this.vms.has(vm)) throw new ProviderError('CommandFailed', 'name exists');
    this.add(vm, 'stopped').files.set('tag', tag);
  }

  async start(vm: string, options?: CallOptions) {
    await this.called(`start ${vm}`, options);
    if (this.vm(vm).status === 'running') throw new ProviderError('CommandFailed', 'already running');
    this.vm(vm).status = 'running';
    const running = [...this.vms.values()].filter(({ status }) => status === 'running').length;
    this.mostRunning = Math.max(this.mostRunning, running);
  }

  async copyIn(vm: string, hostPath: string, options?: CallOptions) {
    await this.called(`cp ${basename(hostPath)} ${vm}`, options);
    if (this.vm(vm).status !== 'running') throw new ProviderError('GuestUnreachable', 'not up');
    this.vm(vm).files.set(basename(hostPath), await readFile(hostPath, 'utf8'));
  }

  async run(vm: string, command: string, options: Parameters<Provider['run']>[2]) {
    const words: Record<string, string> = { [GUEST_START]: 'start', [GUEST_STATE]: 'state', [GUEST_WATCH]: 'watch' };
    await this.called(`run ${vm} ${words[command] ?? command}`, options);
    if (command === GUEST_STATE) options.onLine?.(JSON.stringify(this.vm(vm).state));
    if (command === GUEST_WATCH) await this.watch(this.vm(vm), options);
    return { exitCode: 0, stderrTail: '' };
  }

  async destroy(vm: string) {
    await this.called(`delete ${vm}`);
    const watchers = this.vms.get(vm)?.watchers ?? [];
    const existed = this.vms.delete(vm);
    for (const { end } of [...watchers]) end(new ProviderError('GuestUnreachable', 'deleted'));
    return { existed };
  }

  private async watch(vm: Vm, { onLine, signal }: Parameters<Provider['run']>[2]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const watcher = {
        line: (text: string) => onLine?.(text),
        end: (error?: Error) => {
          vm.watchers.delete(watcher);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      vm.watchers.add(watcher);
      signal?.addEventListener('abort', () => watcher.end(signal.reason as Error), { once: true });
      onLine?.(JSON.stringify(vm.state));
      if (vm.state.exitCode !== null) watcher.end();
    });
  }

  private async called(call: string, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.calls.push(call);
    await this.before(call, options);
    options?.signal?.throwIfAborted();
  }

  private vm(name: string): Vm {
    const vm = this.vms.get(name);
    if (vm === undefined) throw new ProviderError('VmGone', `${name} is not there`);
    return vm;
  }
}
