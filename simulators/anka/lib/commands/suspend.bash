# anka suspend VM: its processes are frozen, its place is free; `start` thaws them.
. "$sim_lib/guest.bash"

run_command() {
  find_entry "${1:-}" || { not_found "${1:-}"; return; }
  [[ $state == running ]] || { reply_error 1 "$name: VM is not running"; return; }
  set_status suspended
  signal_guest STOP
  free_place
  reply_ok '{}'
}
