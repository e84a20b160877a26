# Clock, waiting, JSON strings and the place of things. Forks nothing on bash 5; older ones (macOS has 3.2) need perl.
# Sets: sim (the host's folder), sim_lib (this folder).

LC_ALL=C
umask 022
shopt -s nullglob
shopt -u patsub_replacement 2>/dev/null
sim_lib=${BASH_SOURCE[0]%/*}
sim=${ANKA_SIM_DIR:-}
if [[ -z $sim ]]; then
  printf 'anka (simulator): ANKA_SIM_DIR is not set; it names the folder of the pretend host\n' >&2
  exit 1
fi
sim=${sim%/}
[[ -d $sim/library && -d $sim/running ]] || mkdir -p "$sim/library" "$sim/running" "$sim/registry" "$sim/fault-uses"

# now_ms: the time in milliseconds since 1970, in `now`.
if [[ -n ${EPOCHREALTIME:-} ]]; then
  now_ms() {
    now=$EPOCHREALTIME
    now=${now%.*}${now#*.}
    now=${now:0:13}
  }
else
  now_ms() { now=$(perl -MTime::HiRes=time -e 'printf "%d", time * 1000'); }
fi

# pause MS: waits. Reading a pipe that nobody writes to costs no process, and leaves none when this one is killed.
pause() {
  local seconds
  (($1 > 0)) || return 0
  printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
  if ((BASH_VERSINFO[0] >= 4)); then
    open_silence
    read -r -t "$seconds" -u 8
  else
    sleep "$seconds"
  fi
  return 0
}

# while_held: as long as the operation is held (`held/<operation>` is there).
while_held() {
  while [[ -e $sim/held/$op ]]; do pause 20; done
}

# linger: waits for the operation's delay, then while it is held.
linger() {
  pause "$delay"
  while_held
}

# hang: waits until it is killed.
hang() {
  open_silence
  while :; do read -r -u 8; done
}

open_silence() {
  [[ -p $sim/silence ]] || mkfifo "$sim/silence" 2>/dev/null
  exec 8<>"$sim/silence"
}

# json_string TEXT: TEXT as a JSON string, in `json`.
json_string() {
  local bs='\' quote='"' code char
  json=${1//"$bs"/$bs$bs}
  json=${json//"$quote"/$bs$quote}
  json=${json//$'\n'/${bs}n}
  json=${json//$'\t'/${bs}t}
  case $json in
    *[$'\001'-$'\037']*)
      for code in 01 02 03 04 05 06 07 08 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f; do
        printf -v char "\\x$code"
        json=${json//"$char"/${bs}u00$code}
      done
      ;;
  esac
  json="\"$json\""
}

# append FILE LINE: adds a line in a single write, so that parallel calls do not mix. Bash writes long ones in pieces.
append() {
  if ((${#2} < 3500)); then
    printf '%s\n' "$2" >>"$1"
  else
    printf '%s\n' "$2" >"$1.$$"
    cat "$1.$$" >>"$1"
    rm -f "$1.$$"
  fi
}

# alive PID: whether the process runs. One that ended but that nobody has waited for is still listed: it doesn't.
alive() {
  local stat
  kill -0 "$1" 2>/dev/null || return 1
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  [[ $stat != *') Z '* ]]
}

# utc_now: the time as in `2022-01-06T12:34:52Z`, in `utc`.
utc_now() {
  TZ=UTC0 printf -v utc '%(%Y-%m-%dT%H:%M:%SZ)T' -1 2>/dev/null || utc=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

# new_uuid: a random one, in `uuid_new`.
new_uuid() {
  local parts=() part i
  for i in 1 2 3 4 5 6 7 8; do
    printf -v part '%04x' $((${SRANDOM:-$RANDOM$RANDOM} & 0xffff))
    parts[i]=$part
  done
  uuid_new="${parts[1]}${parts[2]}-${parts[3]}-4${parts[4]:1}-a${parts[5]:1}-${parts[6]}${parts[7]}${parts[8]}"
}
