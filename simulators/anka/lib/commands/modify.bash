# anka modify VM cpu N | ram 8G | disk -s 100G | port NAME -g 22 …: the VM must be stopped.
run_command() {
  find_entry "${1:-}" || { not_found "${1:-}"; return; }
  [[ $state == stopped ]] || { reply_error 1 "$name: VM must be stopped"; return; }
  case ${2:-} in
    cpu) [[ $3 =~ ^[0-9]+$ ]] && cpu=$3 || { usage_error "Error: invalid value: $3"; return; } ;;
    ram) to_bytes "$3" && ram=$bytes || { usage_error "Error: invalid value: $3"; return; } ;;
    disk) to_bytes "${4:-}" && disk=$bytes || { usage_error "Error: invalid value: ${4:-}"; return; } ;;
    port) append "$dir/ports" "${*:3}" ;;
    *) usage_error "Error: No such command '${2:-}'."; return ;;
  esac
  printf '%s\n' "$uuid|$name|$tag|$cpu|$ram|$disk|$image|$created|$kind|$home_name" >"$dir/meta.$$"
  mv "$dir/meta.$$" "$dir/meta"
  reply_ok '{}'
}

# to_bytes SIZE: `8G`, `512M` or bytes, in `bytes`.
to_bytes() {
  [[ $1 =~ ^([0-9]+)([GM]?)B?$ ]] || return 1
  case ${BASH_REMATCH[2]} in
    G) bytes=$((BASH_REMATCH[1] << 30)) ;;
    M) bytes=$((BASH_REMATCH[1] << 20)) ;;
    *) bytes=${BASH_REMATCH[1]} ;;
  esac
}
