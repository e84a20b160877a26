# anka registry [--remote URL|-r URL] [--cert F --key F --cacert F --api-key-id I --api-key F] list | show T | pull T
. "$sim_lib/registry.bash"

run_command() {
  while (($# > 0)); do
    case $1 in
      -r | --remote | --cert | --key | --cacert | --api-key-id | --api-key) shift 2 ;;
      --list) reply_ok '[]'; return ;;
      -*) usage_error "Error: No such option: $1"; return ;;
      *) break ;;
    esac
  done
  local action=${1:-}
  shift
  case $action in
    list) registry_list ;;
    show) registry_show "$@" ;;
    pull) registry_pull "$@" ;;
    *) usage_error "Error: No such command '$action'." ;;
  esac
}
