/** A child process that cannot outlive us. */

/** A command for `spawn`. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * In the shell: a watcher reads our pipe; when the pipe ends, however we ended, it stops its own parent, which has
 * become the command itself (`exec` keeps the process id). Spawned `detached`, command and watcher are one process
 * group, so the id cannot be given to another process while the watcher lives.
 */
const TIE = [
  'exec 3<&0',
  '(cat <&3; kill -TERM $$; sleep 5; kill -KILL $$) >/dev/null 2>&1 &',
  'exec "$0" "$@" </dev/null 3<&-',
].join('\n');

/**
 * Wraps a command so that it ends with us, even when we are killed with SIGKILL and can do nothing about it.
 * Spawn the answer with `detached: true` (a Ctrl-C in our terminal is ours to handle, not the child's) and `stdin` as
 * a pipe that stays open as long as the command shall live. The process id is the command's own.
 */
export function tiedToUs(command: Command): Command {
  return { file: '/bin/sh', args: ['-c', TIE, command.file, ...command.args] };
}
