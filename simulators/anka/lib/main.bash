# One call of `anka`: reads the arguments, writes the log, applies faults, runs lib/commands/<command>.bash.
# A command answers with reply_ok or reply_error (once), and may set `code` itself (`run`).

. "${BASH_SOURCE[0]%/*}/base.bash"
. "$sim_lib/faults.bash"

argv=("$@")
machine='' code=0 logged=''

# log_line END CODE: the call as JSON, in `log`; END empty: not ended yet. Its end names the fault that hit it.
log_line() {
  local arg
  if [[ -z ${argv_json+set} ]]; then
    argv_json=''
    for arg in ${argv[@]+"${argv[@]}"}; do
      json_string "$arg"
      argv_json+="${argv_json:+,}$json"
    done
  fi
  log="{\"pid\":$$,\"start\":$started,${1:+\"end\":$1,\"exit\":$2,${fault:+\"fault\":\"$fault\",}}\"argv\":[$argv_json]}"
}

# leave: ends the call and writes it down. The answer is out already.
leave() {
  [[ -z $logged ]] || exit "$code"
  logged=1
  now_ms
  log_line "$now" "$code"
  append "$sim/commands.log" "$log"
  exit "$code"
}

killed() {
  code=$1
  leave
}

# reply_ok BODY [TEXT] [MESSAGE]: BODY is JSON; TEXT is what people see without -j.
reply_ok() {
  code=0
  if [[ -z $machine ]]; then
    [[ -z ${2:-} ]] || printf '%s\n' "$2"
    return 0
  fi
  json_string "${3:-}"
  printf '{"status":"OK","body":%s,"message":%s}\n' "$1" "$json"
}

# reply_error CODE MESSAGE [EXCEPTION]: CODE is the exit code as well.
reply_error() {
  code=$1
  if [[ -z $machine ]]; then
    printf '%s\n' "$2" >&2
    return 0
  fi
  json_string "$2"
  printf '{"status":"ERROR","code":%s,"body":{},"message":%s,"exception_type":"%s"}\n' "$1" "$json" "${3:-AnkaError}"
}

not_found() { reply_error 3 "$1: not found" NotFoundError; }
usage_error() { reply_error 2 "$1" UsageError; }

# operation ARGS…: the name that delays and faults use, in `op`.
operation() {
  local word
  op=${1:-help}
  [[ $op == registry || $op == pull ]] || return 0
  for word in "$@"; do
    case $word in
      --check-download-size) op=pull-check && return 0 ;;
      list | show | pull | push | revert) [[ $op != registry ]] || op=registry-$word ;;
    esac
  done
}

# replaced_by_fault: 0 when a fault took the command's place.
replaced_by_fault() {
  case $fault in '' | partial | endless) return 1 ;; hang) hang ;; esac
  pause "$delay"
  case $fault in
    error) reply_error "$fault_code" "${fault_message:-$op failed}" && code=${fault_exit:-$fault_code} ;;
    garbage) printf '%s\n' "${fault_message:-Traceback (most recent call last): segmentation fault}" && code=${fault_exit:-0} ;;
    lie) reply_ok '{}' ;;
    *) reply_error 1 "simulator: unknown fault '$fault' in $sim/faults" ;;
  esac
}

main() {
  local script
  while [[ ${1:-} == -* ]]; do
    case $1 in
      -j | --machine-readable) machine=1 ;;
      --debug) printf 'debug: %s\n' "anka $*" >&2 ;;
      --version) set -- version ;;
      *) break ;;
    esac
    [[ $1 == version ]] || shift
  done
  operation "$@"
  read_settings "$op"
  read_faults "$op" "$*"
  replaced_by_fault && return 0
  script=$sim_lib/commands/${1:-help}.bash
  if [[ ${1:-help} == */* || ! -e $script ]]; then
    usage_error "Error: No such command '${1:-}'."
    return 0
  fi
  . "$sim_lib/library.bash"
  . "$script"
  shift $(($# > 0 ? 1 : 0))
  case $op in clone | start | delete | registry-pull | pull) ;; *) linger ;; esac
  run_command "$@"
  [[ $fault != endless ]] || hang
  [[ -z $exit_after ]] || code=$exit_after
  [[ -z $chatter ]] || printf '%s\n' "$chatter" >&2
}

now_ms
started=$now
trap 'killed 143' TERM
trap 'killed 130' INT
trap 'killed 129' HUP
log_line '' ''
append "$sim/started.log" "$log"
main "$@"
leave
