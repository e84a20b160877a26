# anka run [-D DIR] [-E] [-e K=V] [-f ENVFILE] [-q] [-b] VM COMMAND…: output and exit code are the guest's.
# The command goes on in the guest when this process is killed; it ends with the VM.
. "$sim_lib/start-vm.bash"

run_command() {
  local folder='' extra=() line id
  while (($# > 0)); do
    case $1 in
      -D | --workdir) folder=$2 && shift ;;
      -e | --env) extra+=("$2") && shift ;;
      -f | --env-file)
        while read -r line; do [[ $line != *=* ]] || extra+=("$line"); done <"$2"
        shift
        ;;
      -E | --inherit-env) while IFS= read -r -d '' line; do extra+=("$line"); done < <(env -0) ;;
      -q | -b | -n | -N | -v) ;;
      --) shift && break ;;
      -*) usage_error "Error: No such option: $1"; return ;;
      *) break ;;
    esac
    shift
  done
  id=${1:-}
  (($# > 1)) || { usage_error 'Error: run needs a VM and a command'; return; }
  shift
  find_entry "$id" || { not_found "$id"; return; }
  [[ $state == running ]] || { start_vm || return 0; }
  load_entry "$key" && reach_guest || { reply_error 125 "${unreachable:-$id: connection to the guest lost}"; return; }
  run_in_guest "$@"
}

run_in_guest() {
  local boot=$status_line guest_pid
  case $folder in '') folder=$home ;; /*) ;; *) folder=$home/$folder ;; esac
  start_in_session "$@"
  if [[ -n $crash_after ]]; then
    pause "$crash_after"
    crash_guest
  fi
  { wait "$guest_pid"; } 2>/dev/null # it says so when the guest was killed
  code=$?
  ((code == 125 || code > 128)) || return 0
  { IFS= read -r status_line <"$dir/status"; } 2>/dev/null && [[ $status_line == "$boot" ]] && return 0
  reply_error 125 "$name: connection to the guest lost"
}

# start_in_session COMMAND…: in a session of its own, with the guest's environment only; sets guest_pid.
start_in_session() {
  # The shell ignores SIGINT in what it starts in the background; a guest's process must not.
  local session=(env --default-signal=INT,QUIT setsid)
  command -v setsid >/dev/null ||
    session=(perl -MPOSIX -e '$SIG{INT} = $SIG{QUIT} = "DEFAULT"; POSIX::setsid(); exec @ARGV')
  { exec 8>&-; } 2>/dev/null
  [[ -d $dir/tmp ]] || mkdir "$dir/tmp" 2>/dev/null
  env -i ${extra[@]+"${extra[@]}"} HOME="$home" PWD="$folder" USER=anka LOGNAME=anka SHELL=/bin/bash LANG=en_US.UTF-8 \
    PATH="$guest_path" TMPDIR="$dir/tmp" ANKA_SIM_VM="$uuid" ANKA_SIM_HOST="$sim" \
    "${session[@]}" /bin/sh "$sim_lib/guest-exec.sh" "$dir" "$boot" "$folder" "$@" <&0 &
  guest_pid=$!
}
