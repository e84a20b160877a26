# anka mount VM HOST[:GUEST]: a link in the guest's home, below `My Shared Files` (really /Volumes/My Shared Files). Since 3.9.
. "$sim_lib/guest.bash"

run_command() {
  local share=${2:-} path guest major=${version%%.*} minor=${version#*.}
  if ((major < 3 || (major == 3 && ${minor%%.*} < 9))); then
    usage_error "Error: No such command 'mount'."
    return
  fi
  find_entry "${1:-}" || { not_found "${1:-}"; return; }
  reach_guest || { reply_error 1 "$unreachable"; return; }
  path=${share%%:*}
  guest=${path##*/}
  [[ $share != *:* ]] || guest=${share#*:}
  [[ -d $path ]] || { reply_error 1 "$path: no such folder"; return; }
  case $guest in '' | . | .. | */*) usage_error "Error: invalid mount name '$guest'"; return ;; esac
  mkdir -p "$home/My Shared Files"
  ln -sfn "$path" "$home/My Shared Files/$guest"
  append "$dir/mounts" "$share"
  reply_ok '{}'
}
