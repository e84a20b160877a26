#!/bin/bash
# run.sh [--jitconfig BLOB]: keeps the listener running. Like the real script it says little by its exit code: it ends
# with 0 whatever the listener said, except that code 2 starts the listener again after 5 s, and that with
# RUNNER_MANUALLY_TRAP_SIG set a deprecated version's 7 gets through and signals reach the listener.
# RUNNER_SIM_EXIT_CODES=1 (or "exitCodes": true in .sim) hands on every code instead, and starts nothing again.
dir=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
plain=${RUNNER_SIM_EXIT_CODES:-}
grep -qs '"exitCodes":true' "$dir/.sim" && plain=1

listen() {
  "$dir/bin/Runner.Listener" run "$@"
}

handled() {
  case $1 in
    2)
      echo 'The listener can be tried again; that is done in 5 s.'
      sleep "${RUNNER_SIM_RELAUNCH_SECONDS:-5}"
      return 0
      ;;
    7) [[ ${ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE:-} != 1 ]] || last=7 ;;
  esac
  echo "The listener ended with code $1."
  return 1
}

with_signals() {
  set -m
  listen "$@" &
  listener=$!
  trap 'kill -INT -- "-$listener"' INT TERM
  wait "$listener"
  code=$?
  while kill -0 "$listener" 2>/dev/null; do
    wait "$listener"
    code=$?
  done
  trap - INT TERM
}

if [[ -n $plain ]]; then
  with_signals "$@"
  exit "$code"
fi
while :; do
  last=0
  if [[ -n ${RUNNER_MANUALLY_TRAP_SIG:-} ]]; then
    with_signals "$@"
  else
    listen "$@"
    code=$?
  fi
  if ! handled "$code"; then
    echo 'Exiting runner...'
    [[ -n ${RUNNER_MANUALLY_TRAP_SIG:-} ]] || exit 0
    exit "$last"
  fi
  echo 'Restarting runner...'
done
