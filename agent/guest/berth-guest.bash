# Berth's part in the guest. The agent puts the scripts to run before this text, as base64, and copies the whole as one
# file into the login folder. Runs with the bash 3.2 of macOS and with any later one.
#
#   start   takes the JIT config, or the registration token, from the file beside this one, installs the runner if need
#           be, registers it if there is a token, starts it, detached
#   state   prints what is known, as one line of JSON
#   watch   prints that line now and whenever it changes, until the runner has ended
#
# Never `set -x` here, and no echo of a variable that could hold the JIT config or the token.

set -u
# Berth's own files are for their owner only; the operator's scripts and the job get the guest's own setting.
GUEST_UMASK="${GUEST_UMASK:-$(umask)}"
umask 077
: "${HOME:=$(cd ~ && pwd)}"
export HOME

SELF_DIR="$(cd "$(dirname "$0")" && pwd)"
SELF="$SELF_DIR/$(basename "$0")"
JIT_FILE="$SELF_DIR/berth-jitconfig"
REGISTRATION_FILE="$SELF_DIR/berth-registration"
# The login folder, where files are copied to, is the home; where it is not, what belongs to this VM is beside this file.
BERTH_HOME="$SELF_DIR/.berth"
if [ -z "${RUNNER_HOME:-}" ]; then
  RUNNER_HOME="$HOME/actions-runner"
  [ ! -d "$SELF_DIR/actions-runner" ] || RUNNER_HOME="$SELF_DIR/actions-runner"
fi
export RUNNER_HOME
LOG="$BERTH_HOME/runner.log"

INSTALL_FAILED=71
START_FAILED=72
REGISTER_FAILED=73

# How long register-runner.bash may take (seconds).
REGISTER_WITHIN=180

# How long a service or a left-over process may stay after its job is over (seconds).
LINGER=30

fail() {
  local code="$1"
  shift
  printf 'berth: %s\n' "$*" >&2
  exit "$code"
}

# Whole or not at all, for readers that come at any moment.
write_file() {
  printf '%s\n' "$2" >"$1.tmp" && mv -f "$1.tmp" "$1"
}

unpack() {
  # GNU and newer macOS: -d; older macOS: -D.
  printf '%s' "$1" | base64 -d >"$2" 2>/dev/null || printf '%s' "$1" | base64 -D >"$2"
  chmod 700 "$2"
}

is_alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }
is_group_alive() { [ -n "$1" ] && kill -0 -- "-$1" 2>/dev/null; }

read_line() {
  REPLY=''
  [ -f "$1" ] && IFS= read -r REPLY <"$1"
  return 0
}

# Sets STATE, the line of JSON, and EXIT_CODE, empty while the runner lives. No subshell: it runs several times a second.
look() {
  local job='null' completed='false'
  read_line "$BERTH_HOME/job-started"
  if [[ "$REPLY" =~ ^([A-Za-z0-9._-]+)/([A-Za-z0-9._-]+)\ ([1-9][0-9]*)$ ]]; then
    job="{\"owner\":\"${BASH_REMATCH[1]}\",\"repo\":\"${BASH_REMATCH[2]}\",\"runId\":${BASH_REMATCH[3]}}"
  fi
  [ -f "$BERTH_HOME/job-completed" ] && completed='true'
  look_at_exit
  STATE="{\"jobStarted\":$job,\"jobCompleted\":$completed,\"exitCode\":${EXIT_CODE:-null}}"
}

look_at_exit() {
  local supervisor
  EXIT_CODE=''
  read_line "$BERTH_HOME/supervisor.pid"
  supervisor="$REPLY"
  if [ -z "$supervisor" ] || is_alive "$supervisor"; then
    read_exit_code
    return
  fi
  read_exit_code
  # Somebody killed the supervisor: nothing will ever be written.
  [ -n "$EXIT_CODE" ] || EXIT_CODE=137
}

read_exit_code() {
  read_line "$BERTH_HOME/exit-code"
  case "$REPLY" in
    '' | *[!0-9]*) EXIT_CODE='' ;;
    *) EXIT_CODE="$REPLY" ;;
  esac
}

watch() {
  local last=''
  while :; do
    look
    if [ "$STATE" != "$last" ]; then
      printf '%s\n' "$STATE" || exit 0
      last="$STATE"
    fi
    [ -z "$EXIT_CODE" ] || exit 0
    sleep 0.25
  done
}

# The value that the runner's own .env file gives a variable; the runner lets that file win over its environment.
from_env_file() {
  [ -f "$RUNNER_HOME/.env" ] || return 0
  sed -n "s/^$1=//p" "$RUNNER_HOME/.env" | tail -n 1
}

# A hook of the template's own is kept: ours notes what it has to and becomes it.
write_hook() {
  local file="$1" variable="$2" note="$3" own
  # From an earlier start: what the template had is no longer to be found.
  [ ! -x "$file" ] || return 0
  own="$(from_env_file "$variable")"
  [ -n "$own" ] || own="${!variable:-}"
  [ "$own" != "$file" ] || own=''
  {
    printf '#!/bin/bash\n'
    printf 'BERTH_HOME=%q\nOWN=%q\n' "$BERTH_HOME" "$own"
    printf '%s\n' "$note"
    printf 'case "$OWN" in\n  "") exit 0 ;;\n  *.sh | *.bash) exec bash "$OWN" ;;\n  *) exec "$OWN" ;;\nesac\n'
  } >"$file"
  chmod 700 "$file"
}

write_hooks() {
  write_hook "$BERTH_HOME/job-started.sh" ACTIONS_RUNNER_HOOK_JOB_STARTED \
    '{ printf "%s %s\n" "${GITHUB_REPOSITORY:-}" "${GITHUB_RUN_ID:-}" >"$BERTH_HOME/job-started.tmp" && mv -f "$BERTH_HOME/job-started.tmp" "$BERTH_HOME/job-started"; } 2>/dev/null || true'
  write_hook "$BERTH_HOME/job-completed.sh" ACTIONS_RUNNER_HOOK_JOB_COMPLETED \
    '{ : >"$BERTH_HOME/job-completed"; } 2>/dev/null || true'
  export ACTIONS_RUNNER_HOOK_JOB_STARTED="$BERTH_HOME/job-started.sh"
  export ACTIONS_RUNNER_HOOK_JOB_COMPLETED="$BERTH_HOME/job-completed.sh"
  if [ -f "$RUNNER_HOME/.env" ]; then
    grep -v '^ACTIONS_RUNNER_HOOK_JOB_\(STARTED\|COMPLETED\)=' "$RUNNER_HOME/.env" >"$BERTH_HOME/env.tmp"
    cat "$BERTH_HOME/env.tmp" >"$RUNNER_HOME/.env" && rm -f "$BERTH_HOME/env.tmp"
  fi
  [ -n "$REG_TOKEN" ] || return 0
  # A registered runner may be run as a service, which gets nothing from this environment.
  printf 'ACTIONS_RUNNER_HOOK_JOB_STARTED=%s\nACTIONS_RUNNER_HOOK_JOB_COMPLETED=%s\n' \
    "$ACTIONS_RUNNER_HOOK_JOB_STARTED" "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED" >>"$RUNNER_HOME/.env"
}

# An earlier start whose agent was killed may still install or register.
end_earlier_start() {
  local pid group
  read_line "$BERTH_HOME/start.pid"
  pid="${REPLY%% *}"
  group="${REPLY#* }"
  [ "$pid" != "$$" ] || return 0
  is_alive "$pid" && kill -KILL "$pid"
  is_group_alive "$group" && kill -KILL -- "-$group"
  return 0
}

# An earlier start may have got through although nobody heard of it. Its runner is left alone if a job runs on it.
end_earlier_runner() {
  local supervisor group waited=0
  read_line "$BERTH_HOME/supervisor.pid"
  supervisor="$REPLY"
  read_line "$BERTH_HOME/runner.pid"
  group="$REPLY"
  is_alive "$supervisor" || is_group_alive "$group" || return 0
  if [ -f "$BERTH_HOME/job-started" ]; then
    printf 'berth: a job runs here already\n'
    exit 0
  fi
  is_alive "$supervisor" && kill -TERM "$supervisor"
  while is_group_alive "$group" && [ "$waited" -lt 50 ]; do
    [ "$waited" -gt 0 ] || kill -TERM -- "-$group" 2>/dev/null
    waited=$((waited + 1))
    sleep 0.1
  done
  is_group_alive "$group" && kill -KILL -- "-$group" 2>/dev/null
  return 0
}

# Sets JIT, or REG_TOKEN and what belongs to it, and removes the file that had them. Unset first: a variable that the
# guest exports would hand them on.
take_secret() {
  unset JIT REG_NAME REG_TOKEN REG_URL REG_LABELS REG_GROUP
  JIT='' REG_TOKEN=''
  if [ -f "$REGISTRATION_FILE" ]; then
    chmod 600 "$REGISTRATION_FILE"
    {
      IFS= read -r REG_NAME
      IFS= read -r REG_TOKEN
      IFS= read -r REG_URL
      IFS= read -r REG_LABELS
      IFS= read -r REG_GROUP
    } <"$REGISTRATION_FILE"
  elif [ -f "$JIT_FILE" ]; then
    chmod 600 "$JIT_FILE"
    JIT="$(cat "$JIT_FILE")"
  else
    fail "$START_FAILED" 'the file with the JIT config or the registration is missing'
  fi
  rm -f "$JIT_FILE" "$REGISTRATION_FILE"
  [ -n "$JIT$REG_TOKEN" ] || fail "$START_FAILED" 'the file with the JIT config or the registration is empty'
}

start() {
  mkdir -p "$BERTH_HOME" || fail "$START_FAILED" "the folder $BERTH_HOME cannot be made"
  chmod 700 "$BERTH_HOME"
  take_secret
  end_earlier_start
  end_earlier_runner
  trap 'rm -f "$BERTH_HOME/start.pid"' EXIT
  rm -f "$BERTH_HOME/job-started" "$BERTH_HOME/job-completed" "$BERTH_HOME/exit-code" \
    "$BERTH_HOME/supervisor.pid" "$BERTH_HOME/runner.pid"
  install
  [ -z "$REG_TOKEN" ] || register
  write_hooks
  launch
}

# run_script NAME SECONDS [ARGUMENT…]: one of the scripts, in a process group of its own so that a later start can end
# it, for so long at most (0: without a limit). Its output goes to `install.log` or `register.log`. Ends with its code.
run_script() {
  local name="$1" limit="$2" group code guard=''
  shift 2
  set -m
  (umask "$GUEST_UMASK" && cd "$SELF_DIR" && exec "$BERTH_HOME/$name-runner.bash" ${1+"$@"}) \
    >"$BERTH_HOME/$name.log" 2>&1 </dev/null &
  group=$!
  if [ "$limit" -gt 0 ]; then
    (sleep "$limit" && kill -KILL -- "-$group") >/dev/null 2>&1 </dev/null &
    guard=$!
  fi
  set +m
  write_file "$BERTH_HOME/start.pid" "$$ $group"
  # Bash would print how it ended, among the script's own words.
  wait "$group" 2>/dev/null
  code=$?
  [ -z "$guard" ] || { kill -KILL -- "-$guard" && wait "$guard"; } 2>/dev/null
  return "$code"
}

install() {
  local code start="$START_RUNNER_BASE64"
  [ -n "$REG_TOKEN" ] || [ -z "$START_JIT_RUNNER_BASE64" ] || start="$START_JIT_RUNNER_BASE64"
  unpack "$INSTALL_RUNNER_BASE64" "$BERTH_HOME/install-runner.bash"
  unpack "$REGISTER_RUNNER_BASE64" "$BERTH_HOME/register-runner.bash"
  unpack "$start" "$BERTH_HOME/start-runner.bash"
  run_script install 0
  code=$?
  [ "$code" -eq 0 ] && return
  tail -n 5 "$BERTH_HOME/install.log" >&2
  fail "$INSTALL_FAILED" "install-runner.bash ended with exit code $code"
}

register() {
  local code log
  # A runner that is configured already is not configured again.
  rm -f "$RUNNER_HOME/.runner" "$RUNNER_HOME/.credentials" "$RUNNER_HOME/.credentials_rsaparams"
  run_script register "$REGISTER_WITHIN" "$REG_NAME" "$REG_TOKEN" "$REG_URL" "$REG_LABELS" ${REG_GROUP:+"$REG_GROUP"}
  code=$?
  # A job can read the log, and the token lets runners in for an hour.
  log="$(cat "$BERTH_HOME/register.log")"
  printf '%s\n' "${log//"$REG_TOKEN"/[secret]}" >"$BERTH_HOME/register.log"
  [ "$code" -eq 0 ] && return
  tail -n 5 "$BERTH_HOME/register.log" >&2
  [ "$code" -ne 137 ] || fail "$REGISTER_FAILED" "register-runner.bash was killed (it may take $REGISTER_WITHIN s)"
  fail "$REGISTER_FAILED" "register-runner.bash ended with exit code $code"
}

# The supervisor gets a process group of its own (`set -m`), so that nothing that ends this script ends it.
launch() {
  local waited=0
  # Arguments are seen in the process list; the environment is not.
  [ -z "$JIT" ] || export ACTIONS_RUNNER_INPUT_JITCONFIG="$JIT"
  export GUEST_UMASK
  set -m
  bash "$SELF" supervise </dev/null >>"$LOG" 2>&1 &
  set +m
  unset ACTIONS_RUNNER_INPUT_JITCONFIG
  while [ ! -s "$BERTH_HOME/runner.pid" ]; do
    waited=$((waited + 1))
    [ "$waited" -lt 200 ] || fail "$START_FAILED" "start-runner.bash did not start within 10 s: $(tail -n 5 "$LOG" 2>/dev/null)"
    sleep 0.05
  done
}

supervise() {
  local group code
  # Caught, not ignored (as `nohup` does): a signal that is ignored would be so for every process of the job.
  trap ':' HUP
  # A started supervisor ends with the machine, or when a later start takes its place.
  trap 'exit 143' TERM
  write_file "$BERTH_HOME/supervisor.pid" "$$"
  cd "$SELF_DIR" || exit 1
  set -m
  (umask "$GUEST_UMASK" && unset GUEST_UMASK && exec "$BERTH_HOME/start-runner.bash") </dev/null &
  group=$!
  set +m
  unset ACTIONS_RUNNER_INPUT_JITCONFIG
  write_file "$BERTH_HOME/runner.pid" "$group"
  while :; do
    wait "$group"
    code=$?
    # A signal ends the wait early.
    is_alive "$group" || break
  done
  [ "$code" -ne 0 ] || wait_for_the_rest "$group"
  write_file "$BERTH_HOME/exit-code" "$code"
}

is_service_up() {
  [ -f "$RUNNER_HOME/.service" ] && [ -x "$RUNNER_HOME/svc.sh" ] || return 1
  (cd "$RUNNER_HOME" && ./svc.sh status 2>/dev/null </dev/null) | grep -qi -e '^started' -e 'active (running)'
}

# A replaced start-runner.bash may leave the runner to a service or in the background. What is still there some time
# after the job's end is not waited for: it is the job's own litter.
wait_for_the_rest() {
  local left="$LINGER"
  while is_group_alive "$1" || is_service_up; do
    if [ -f "$BERTH_HOME/job-completed" ]; then
      left=$((left - 1))
      [ "$left" -gt 0 ] || return
    fi
    sleep 1
  done
}

case "${1:-}" in
  start) start ;;
  state)
    look
    printf '%s\n' "$STATE"
    ;;
  watch) watch ;;
  supervise) supervise ;;
  *) fail 64 "usage: $(basename "$0") start|state|watch" ;;
esac
