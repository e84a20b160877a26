# Starting the loaded VM, for `start` and `run`.
. "$sim_lib/guest.bash"

# start_vm: 0 when it runs; else it has replied with an error.
start_vm() {
  local was=$state
  [[ $state != running ]] || return 0
  if [[ $state == failed ]]; then
    reply_error 1 "$name: VM is in a failed state"
    return 1
  fi
  if ! take_place "$limit"; then
    reply_error 1 "$name: failed to start VM: maximum number of running instances exceeded" LimitError
    return 1
  fi
  now_ms
  set_status "running $((now + delay + ready + unready))" || { free_place; not_found "$name"; return 1; }
  [[ $was != suspended ]] || signal_guest CONT
  touch_access "$dir"
  linger
  if [[ $fault == partial ]]; then
    set_status failed
    kill_guest
    free_place
    reply_error "$fault_code" "${fault_message:-$name: VM failed to boot}"
    return 1
  fi
  load_entry "$key" && [[ $state == running ]] && return 0
  reply_error 1 "$name: VM stopped while it was starting"
  return 1
}
