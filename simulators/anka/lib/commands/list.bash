# anka list [-r|--running] [-s|--stopped] [-a] [-f FIELD[=VALUE]]… [ID…]
run_command() {
  local only='' fields=() ids=() id entry body='' text=''
  while (($# > 0)); do
    case $1 in
      -r | --running) only=running ;;
      -s | --stopped) only=stopped ;;
      -a | --all) ;;
      -f | --field) fields+=("$2") && shift ;;
      -f*) fields+=("${1#-f}") ;;
      -*) usage_error "Error: No such option: $1"; return ;;
      *) ids+=("$1") ;;
    esac
    shift
  done
  if ((${#ids[@]} > 0)); then
    for id in "${ids[@]}"; do
      find_entry "$id" || { not_found "$id"; return; }
      add_row
    done
  else
    for entry in "$sim"/library/*; do
      load_entry "${entry##*/}" || continue
      add_row
    done
  fi
  reply_ok "[$body]" "${text%$'\n'}"
}

# add_row: the loaded entry, unless it is filtered out.
add_row() {
  local row field value
  [[ -z $only || $state == "$only" ]] || return 0
  if ((${#fields[@]} == 0)); then
    json_string "$name"
    row="\"name\":$json,\"uuid\":\"$uuid\",\"creation_date\":\"$created\",${tag:+\"version\":\"$tag\",}\"status\":\"$state\""
  else
    row=''
    for field in "${fields[@]}"; do
      field_value "${field%%=*}"
      [[ $field != *=* || $value == "${field#*=}" ]] || return 0
      [[ -n $value ]] || continue
      json_string "$value"
      row+="${row:+,}\"${field%%=*}\":$json"
    done
  fi
  body+="${body:+,}{$row}"
  text+="| $name${tag:+ ($tag)} | $uuid | $created | $state |"$'\n'
}

# field_value FIELD: of the loaded entry, in `value`; empty when it has none.
field_value() {
  case $1 in
    name) value=$name ;;
    uuid) value=$uuid ;;
    status) value=$state ;;
    version | tag) value=$tag ;;
    creation_date) value=$created ;;
    access_date) { read -r value <"$dir/accessed"; } 2>/dev/null || value=$created ;;
    ip) [[ $state == running ]] && value=192.168.64.2 || value='' ;;
    vnc_port) [[ $state == running ]] && value=5901 || value='' ;;
    *) value='' ;;
  esac
}
