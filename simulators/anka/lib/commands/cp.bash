# anka cp [-a|-R…] SRC VM:[PATH] | VM:PATH DST. Paths of the guest are below its home, which stands for /Users/anka.
. "$sim_lib/guest.bash"

run_command() {
  local paths=() from to problem
  while (($# > 0)); do
    case $1 in -*) ;; *) paths+=("$1") ;; esac
    shift
  done
  ((${#paths[@]} == 2)) || { usage_error 'Error: cp needs a source and a destination'; return; }
  from=${paths[0]} to=${paths[1]}
  if [[ $to == *:* ]] && find_entry "${to%%:*}"; then
    guest_path_of "${to#*:}" && to=$path
  elif [[ $from == *:* ]] && find_entry "${from%%:*}"; then
    guest_path_of "${from#*:}" && from=$path
  elif [[ $to == *:* ]]; then
    not_found "${to%%:*}"
    return
  else
    not_found "${from%%:*}"
    return
  fi
  reach_guest || { reply_error 1 "$unreachable"; return; }
  [[ -n $path ]] || { reply_error 1 'Permission denied: the simulated guest has files below its home only'; return; }
  if problem=$(cp -a "$from" "$to" 2>&1); then reply_ok '{}'; else reply_error 1 "$problem"; fi
}

# guest_path_of PATH: where it is on this machine, in `path`; empty when it is outside of the home.
guest_path_of() {
  path=$1
  case $path in
    '' | '~') path=$home/. ;;
    '~/'*) path=$home/${path#'~/'} ;;
    /Users/anka) path=$home/. ;;
    /Users/anka/*) path=$home/${path#/Users/anka/} ;;
    "$home"/* | "$dir"/tmp/*) ;;
    /*) path='' ;;
    *) path=$home/$path ;;
  esac
  [[ $path != *..* ]] || path=''
}
