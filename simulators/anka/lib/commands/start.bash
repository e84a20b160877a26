# anka start [-f] [-v] [-u] [--mount HOST[:GUEST]] VM. The VM runs from the first moment, whatever becomes of this call.
. "$sim_lib/start-vm.bash"

run_command() {
  local id='' share=''
  while (($# > 0)); do
    case $1 in
      -f | -v | -u | --force | --view | --update-addons) ;;
      --mount) share=$2 && shift ;;
      -*) usage_error "Error: No such option: $1"; return ;;
      *) id=$1 ;;
    esac
    shift
  done
  find_entry "$id" || { not_found "$id"; return; }
  start_vm || return 0
  [[ -z $share ]] || append "$dir/mounts" "$share"
  reply_ok "{\"uuid\":\"$uuid\",\"name\":\"$name\",\"status\":\"running\"}" "$name started"
}
