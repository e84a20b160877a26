# The guest: the processes of a VM. Each carries ANKA_SIM_VM=<uuid> and ANKA_SIM_HOST=<folder> in its environment, and
# the session leaders' ids are in the VM's `sessions`. The mark finds what the guest detached (setsid, nohup, new
# process groups); the ids alone would not, and ids are used again.

# marked_processes MARK: the ids of all processes that started with MARK in their environment, in `pids`.
marked_processes() {
  local found file
  pids=()
  if [[ -d /proc/self ]]; then
    found=$(grep -lzFxs -e "$1" /proc/[0-9]*/environ)
    for file in $found; do
      file=${file#/proc/}
      pids+=("${file%/environ}")
    done
  else
    found=$(ps -axwwE -o pid= -o command= 2>/dev/null | grep -F -e " $1 " | awk '{ print $1 }')
    for file in $found; do pids+=("$file"); done
  fi
}

# kill_marked MARK: kills them, their process groups, and what they started meanwhile, until none is left.
kill_marked() {
  local round pid
  for round in 1 2 3 4 5 6 7 8 9 10; do
    marked_processes "$1"
    ((${#pids[@]} > 0)) || return 0
    for pid in "${pids[@]}"; do
      kill -KILL "-$pid" 2>/dev/null
      kill -KILL "$pid" 2>/dev/null
    done
    ((round < 3)) || pause 5
  done
}

# kill_guest: of the loaded entry. Its status must have changed before: a command that starts later sees that, and ends.
kill_guest() {
  [[ -e $dir/sessions ]] || return 0
  kill_marked "ANKA_SIM_VM=$uuid"
}

# signal_guest STOP|CONT: freezes or thaws the guest.
signal_guest() {
  local pid
  [[ -e $dir/sessions ]] || return 0
  marked_processes "ANKA_SIM_VM=$uuid"
  for pid in "${pids[@]:-}"; do [[ -z $pid ]] || kill "-$1" "$pid" 2>/dev/null; done
}

crash_guest() {
  set_status stopped
  kill_guest
  free_place
}

# reach_guest: 0 when commands reach the loaded entry's guest; else sets `unreachable` to the reason.
reach_guest() {
  unreachable=''
  if [[ $state != running ]]; then
    unreachable="$name: VM is not running ($state)"
    return 1
  fi
  now_ms
  ((now >= state_arg)) && return 0
  unreachable="$name: communication timeout"
  return 1
}
