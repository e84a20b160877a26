# anka clone [-c] [-t TAG] SRC NAME. A clone that is killed leaves a `failed` VM.
run_command() {
  local wanted='' src='' new='' target source_home source_meta
  while (($# > 0)); do
    case $1 in
      -c | --copy) ;;
      -t | --tag) wanted=$2 && shift ;;
      -*) usage_error "Error: No such option: $1"; return ;;
      *) if [[ -z $src ]]; then src=$1; else new=$1; fi ;;
    esac
    shift
  done
  case $new in '' | .* | */* | *'|'* | *:*) usage_error "Error: invalid VM name '$new'"; return ;; esac
  if find_entry "$new"; then name_taken "$new"; return; fi
  find_entry "$src" || { not_found "$src"; return; }
  [[ -z $wanted || $wanted == "$tag" ]] || { not_found "$src:$wanted"; return; }
  case $state in running | failed) reply_error 1 "$name: cannot clone a VM that is $state"; return ;; esac
  touch_access "$dir"
  source_home=$home source_meta="$cpu|$ram|$disk|$image"
  target=$sim/library/$new
  mkdir "$target" 2>/dev/null || { name_taken "$new"; return; }
  make_clone
}

# make_clone: fills the new entry's folder; its status says `cloning` until it is whole.
make_clone() {
  new_uuid
  utc_now
  uuid=$uuid_new dir=$target
  set_status "cloning $$"
  printf '%s\n' "$uuid|$new||$source_meta|$utc|vm|home" >"$dir/meta"
  linger
  if [[ $fault == partial ]] || ! cp -a "$source_home" "$dir/home" 2>/dev/null; then
    mkdir -p "$dir/home"
    set_status failed
    reply_error "$fault_code" "${fault_message:-$new: failed to clone: No space left on device}"
    return
  fi
  set_status stopped
  reply_ok "{\"uuid\":\"$uuid\"}" "$uuid"
}

name_taken() { reply_error 18 "$1: already exists" AlreadyExistsError; }
