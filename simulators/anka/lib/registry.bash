# The template registry: `registry/<uuid>/<tag>/` with `meta` (as in the library) and `home`; `registry/<uuid>/latest`.

# find_remote ID TAG: sets remote (folder), r_uuid and the meta's fields; 1 when there is none.
find_remote() {
  local id=$1 wanted=$2 folder
  for folder in "$sim"/registry/*; do
    r_uuid=${folder##*/}
    { read -r latest <"$folder/latest"; } 2>/dev/null || continue
    remote=$folder/${wanted:-$latest}
    { IFS='|' read -r _ r_name r_tag r_cpu r_ram r_disk r_image r_created _ <"$remote/meta"; } 2>/dev/null || continue
    [[ $r_uuid == "$id" || $r_name == "$id" ]] && return 0
  done
  return 1
}

registry_list() {
  local body='' folder latest
  for folder in "$sim"/registry/*; do
    { read -r latest <"$folder/latest"; } 2>/dev/null || continue
    { IFS='|' read -r _ r_name _ _ _ _ r_image _ <"$folder/$latest/meta"; } 2>/dev/null || continue
    body+="${body:+,}{\"id\":\"${folder##*/}\",\"name\":\"$r_name\",\"latest\":\"$latest\",\"size\":$r_image}"
  done
  reply_ok "[$body]" "$body"
}

# registry_args ARGS…: sets id and wanted from `T [--tag TAG|-t TAG] [--shrink] [--check-download-size] [URL]`.
registry_args() {
  id='' wanted='' check=''
  while (($# > 0)); do
    case $1 in
      -t | --tag) wanted=$2 && shift ;;
      --check-download-size) check=1 ;;
      --*) ;;
      *) [[ -n $id ]] || id=$1 ;;
    esac
    shift
  done
}

registry_show() {
  registry_args "$@"
  find_remote "$id" "$wanted" || { not_found "$id${wanted:+:$wanted}"; return; }
  reply_ok "{\"id\":\"$r_uuid\",\"name\":\"$r_name\",\"tag\":\"$r_tag\",\"cpu_cores\":$r_cpu,\"ram_size\":$r_ram,\
\"hard_drive\":$r_disk,\"image_size\":$r_image,\"creation_date\":\"$r_created\"}" "$r_name $r_uuid $r_tag"
}

registry_pull() {
  local damaged=''
  registry_args "$@"
  find_remote "$id" "$wanted" || { not_found "$id${wanted:+:$wanted}"; return; }
  if [[ -n $check ]]; then
    check_download
    return
  fi
  read_disk_free
  if ((r_image > disk_free)); then
    reply_error 1 "$r_name: No space left on device"
    return
  fi
  printf 'Pulling %s %s\n' "$r_name" "$r_tag" >&2
  begin_pull
  show_progress
  while_held
  if [[ $fault == partial ]]; then
    rm -f "$sim/pulling"
    reply_error "$fault_code" "${fault_message:-$r_name: download interrupted}"
    return
  fi
  finish_pull
}

check_download() {
  if find_entry "$r_uuid" && [[ $tag == "$r_tag" ]]; then
    reply_ok '{}' "$r_uuid: available locally" "$r_uuid: available locally"
  else
    read_disk_free
    reply_ok "{\"size\":$r_image,\"cached\":0,\"available\":$disk_free}" "$r_image"
  fi
}

# read_disk_free: with a `disk_size`, what the other templates in the library leave of it; their VMs take nothing.
read_disk_free() {
  local entry e_uuid e_image e_kind
  [[ -n $disk_size ]] || return 0
  disk_free=$disk_size
  for entry in "$sim"/library/*; do
    { IFS='|' read -r e_uuid _ _ _ _ _ e_image _ e_kind _ <"$entry/meta"; } 2>/dev/null || continue
    [[ $e_kind != template || $e_uuid == "$r_uuid" ]] || disk_free=$((disk_free - e_image))
  done
}

# begin_pull: two pulls at once damage what they pull. It is noted in violations.log, too.
begin_pull() {
  local other=''
  set -C
  if ! { printf '%s\n' "$$" >"$sim/pulling"; } 2>/dev/null; then
    { read -r other <"$sim/pulling"; } 2>/dev/null
    if [[ -n $other ]] && alive "$other"; then
      damaged=1
      : 2>/dev/null >"$sim/damaged.$other"
      append "$sim/violations.log" "two pulls at once: $other and $$ ($r_uuid)"
    fi
    set +C
    printf '%s\n' "$$" >"$sim/pulling"
  fi
  set +C
}

# show_progress: the download takes the `delay` of the operation, plus that of a `slow` fault.
show_progress() {
  local total=$((delay + ${slow:-0})) n
  ((total > 0)) || return 0
  for ((n = 1; n <= steps; n++)); do
    pause $((total / steps))
    [[ -z $machine ]] || printf '{"status":"OK","body":{"progress":%d,"downloaded":%d,"total":%d},"message":"pulling"}\n' \
      $((n * 100 / steps)) $((r_image / steps * n)) "$r_image"
  done
}

# finish_pull: the new image goes beside the old one, so that clones in flight are whole; then the entry names it.
finish_pull() {
  local target=$sim/library/$r_uuid
  dir=$target home_name=home-$r_tag-$$
  mkdir -p "$dir"
  if ! cp -a "$remote/home" "$dir/$home_name" 2>/dev/null; then
    rm -f "$sim/pulling"
    reply_error 1 "$r_name: failed to store the image"
    return
  fi
  printf '%s\n' "$r_uuid|$r_name|$r_tag|$r_cpu|$r_ram|$r_disk|$r_image|$r_created|template|$home_name" >"$dir/meta.$$"
  [[ -e $dir/status ]] || : >"$dir/status"
  if [[ -n $damaged || -e $sim/damaged.$$ ]]; then set_status failed; else set_status stopped; fi
  mv "$dir/meta.$$" "$dir/meta"
  rm -f "$sim/pulling" "$sim/damaged.$$"
  reply_ok "{\"uuid\":\"$r_uuid\",\"tag\":\"$r_tag\"}" "$r_uuid"
}
