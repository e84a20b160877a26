# anka delete --yes VM… | --cache. A delete that is killed leaves a `failed` VM without guest.
. "$sim_lib/guest.bash"

run_command() {
  local yes='' ids=() id
  while (($# > 0)); do
    case $1 in
      --yes | -y) yes=1 ;;
      --cache) yes=1 ;;
      -*) usage_error "Error: No such option: $1"; return ;;
      *) ids+=("$1") ;;
    esac
    shift
  done
  [[ -n $yes ]] || { reply_error 1 'delete needs a confirmation: use --yes'; return; }
  for id in ${ids[@]+"${ids[@]}"}; do
    find_entry "$id" || { not_found "$id"; return; }
    delete_entry
  done
  reply_ok '{}'
}

delete_entry() {
  set_status failed
  kill_guest
  linger
  find_place
  rm -rf ${place:+"$place"} "$dir" 2>/dev/null || rm -rf "$dir"
}
