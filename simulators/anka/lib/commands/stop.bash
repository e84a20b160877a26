# anka stop [-f] VM
. "$sim_lib/guest.bash"

run_command() {
  local force='' id=''
  while (($# > 0)); do
    case $1 in -f | --force) force=1 ;; *) id=$1 ;; esac
    shift
  done
  find_entry "$id" || { not_found "$id"; return; }
  if [[ $state == failed && -z $force ]]; then
    reply_error 1 "$name: VM is in a failed state, use --force"
    return
  fi
  set_status stopped
  kill_guest
  free_place
  reply_ok '{}'
}
