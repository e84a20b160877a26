# The host's library: templates and VMs. `library/<key>/` (a VM's name, a template's uuid) holds
#   meta      one line: uuid|name|tag|cpu|ram|disk|image size|created|template or vm|name of its home folder
#   status    one line: `stopped` | `suspended` | `failed` | `running READY_MS` | `cloning PID`; rewritten in place
#   accessed  when it was last used
# An entry exists once it has both. One that is being cloned is hidden; when the clone died it is a `failed` VM.
# `running/<n>` are the places for running VMs: whoever creates such a file (never overwriting) may run.

# load_entry KEY: sets dir, key and every field of the meta and status; 1 when there is no such entry.
load_entry() {
  key=$1
  dir=$sim/library/$1
  state='' state_arg=''
  { IFS='|' read -r uuid name tag cpu ram disk image created kind home_name <"$dir/meta"; } 2>/dev/null || return 1
  { IFS= read -r status_line <"$dir/status"; } 2>/dev/null || return 1
  state=${status_line%% *}
  state_arg=${status_line#* }
  state_arg=${state_arg%% *}
  home=$dir/$home_name
  if [[ $state == cloning ]]; then
    alive "$state_arg" && return 1
    state=failed
  fi
  return 0
}

# find_entry ID: the entry with that name or uuid.
find_entry() {
  local id=$1 entry
  case $id in '' | . | .. | */*) return 1 ;; esac
  load_entry "$id" && return 0
  for entry in "$sim"/library/*; do
    load_entry "${entry##*/}" || continue
    [[ $uuid == "$id" || $name == "$id" ]] && return 0
  done
  return 1
}

# set_status TEXT: of the loaded entry. The same length each time and no truncation: readers never see half of it.
set_status() {
  printf -v status_line '%-40s' "$1"
  { printf '%s\n' "$status_line" 1<>"$dir/status"; } 2>/dev/null
}

touch_access() {
  utc_now
  { printf '%s\n' "$utc" 1<>"$1/accessed"; } 2>/dev/null
}

# take_place LIMIT: a place for the loaded entry among the VMs that run; 1 when all are taken.
take_place() {
  local limit=$1 place pid owner key_of held=0 n
  for place in "$sim"/running/*; do
    { read -r pid owner key_of <"$place"; } 2>/dev/null
    [[ -n $owner && $owner == "$uuid" ]] && return 0
    drop_stale_place "$place" "$pid" "$owner" "$key_of" || held=$((held + 1))
  done
  ((held < limit)) || return 1
  set -C
  for ((n = 1; n <= limit; n++)); do
    if { printf '%s %s %s\n' "$$" "$uuid" "$key" >"$sim/running/$n"; } 2>/dev/null; then
      set +C
      return 0
    fi
  done
  set +C
  return 1
}

# drop_stale_place FILE PID OWNER KEY: frees the place of a VM that is gone (its delete was killed half-way).
drop_stale_place() {
  local again pid
  [[ -n $3 && $3 != @* && ! -e $sim/library/$4 ]] || return 1
  alive "$2" && return 1
  mkdir "$sim/stale.lock" 2>/dev/null || return 1
  { read -r pid again _ <"$1"; } 2>/dev/null
  [[ $again == "$3" ]] && rm -f "$1"
  rmdir "$sim/stale.lock"
}

# find_place: the file of the loaded entry's place, in `place`; empty when it has none.
find_place() {
  local file owner
  place=''
  for file in "$sim"/running/*; do
    { read -r _ owner _ <"$file"; } 2>/dev/null
    [[ $owner == "$uuid" ]] && place=$file
  done
}

free_place() {
  find_place
  [[ -z $place ]] || rm -f "$place"
}
