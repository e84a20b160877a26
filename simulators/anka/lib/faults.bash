# `settings` and `faults` in the host's folder, read at each call. README.md documents both.

# read_settings OPERATION: limit, ready, delay and what `version` and `license` say.
read_settings() {
  local key a b
  limit=2 ready=0 delay=0 version=3.9.1 license_status=valid license_type=com.veertu.anka.entplus
  disk_free=100000000000000 disk_size='' guest_path=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
  [[ -e $sim/settings ]] || return 0
  while read -r key a b; do
    case $key in
      delay) [[ $a != "$1" ]] || delay=$b ;;
      limit) limit=$a ;;
      ready) ready=$a ;;
      version) version=$a ;;
      license) license_status=$a license_type=$b ;;
      disk_free) disk_free=$a ;;
      disk_size) disk_size=$a ;;
      guest_path) guest_path=$a ;;
    esac
  done <"$sim/settings"
}

# read_faults OPERATION ARGS: sets `fault` (the one that replaces the command, if any) and the additions to it.
read_faults() {
  local op kind rest line=0
  fault='' fault_code=1 fault_exit='' fault_message='' exit_after='' crash_after='' unready=0 slow='' steps=10 chatter=''
  [[ -s $sim/faults ]] || return 0
  while read -r op kind rest; do
    line=$((line + 1))
    [[ $op == "$1" || $op == '*' ]] || continue
    read_fault "$kind" "$rest" "line$line" "$2"
  done <"$sim/faults"
}

# read_fault KIND KEYS ID ARGS: notes the fault unless it does not match, or has been used up.
read_fault() {
  local kind=$1 rest=$2 id=$3 args=$4 word match='' times='' ms=0 code=1 exit_code='' message='' n=10
  while [[ -n $rest ]]; do
    word=${rest%% *}
    case $word in
      message=*) message=${rest#message=} rest='' word='' ;;
      id=*) id=${word#id=} ;;
      match=*) match=${word#match=} ;;
      times=*) times=${word#times=} ;;
      ms=*) ms=${word#ms=} ;;
      code=*) code=${word#code=} ;;
      exit=*) exit_code=${word#exit=} ;;
      steps=*) n=${word#steps=} ;;
    esac
    [[ $rest == *' '* ]] && rest=${rest#* } || rest=''
  done
  [[ -z $match || $args == *"$match"* ]] || return 0
  [[ -z $times ]] || claim_use "$id" "$times" || return 0
  case $kind in
    delay) delay=$((delay + ms)) ;;
    exit) exit_after=${exit_code:-1} ;;
    crash) crash_after=$ms ;;
    unready) unready=$ms ;;
    slow) slow=$ms steps=$n ;;
    chatter) chatter=${message:-warning: this is not JSON} ;;
    *) [[ -n $fault ]] || fault=$kind fault_code=$code fault_exit=$exit_code fault_message=$message ;;
  esac
}

# claim_use ID TIMES: 0 for the first TIMES callers, however many there are at once.
claim_use() {
  local n
  [[ -d $sim/fault-uses ]] || mkdir -p "$sim/fault-uses"
  set -C
  for ((n = 1; n <= $2; n++)); do
    if { printf '%s\n' "$$" >"$sim/fault-uses/$1.$n"; } 2>/dev/null; then
      set +C
      return 0
    fi
  done
  set +C
  return 1
}
