# anka config [PARAM [VALUE]]: a few parameters, to read; a VALUE is kept in `config`.
run_command() {
  local param=${1:-} value k v
  case $param in
    max_vms_allowed) value=$limit ;;
    vm_lib_dir | img_lib_dir) value=$sim/library ;;
    log_dir) value=$sim ;;
    default_user) value=anka ;;
    default_passwd) value=admin ;;
    puller_threads) value=4 ;;
    portfwd_base) value=10000 ;;
    operations_timeout) value=300 ;;
    '') value=$sim/library ;;
    *) reply_error 3 "$param: not found"; return ;;
  esac
  if [[ $# -gt 1 ]]; then
    append "$sim/config" "$param $2"
    reply_ok '{}'
    return
  fi
  if [[ -e $sim/config ]]; then
    while read -r k v; do [[ $k != "$param" ]] || value=$v; done <"$sim/config"
  fi
  json_string "$value"
  if [[ -z $param ]]; then
    reply_ok "{\"vm_lib_dir\":$json,\"max_vms_allowed\":$limit,\"operations_timeout\":300}" "vm_lib_dir: $value"
  else
    reply_ok "{\"$param\":$json}" "$value"
  fi
}
