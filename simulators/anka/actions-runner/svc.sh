#!/bin/bash
# svc.sh install | start | status | stop | uninstall: the runner as a service of the guest.
dir=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
cd "$dir" || exit 1

alive() {
  local pid
  [[ -s .service.pid ]] || return 1
  pid=$(<.service.pid)
  kill -0 "$pid" 2>/dev/null && ! grep -qs ') Z ' "/proc/$pid/stat"
}

must_be_installed() {
  [[ -e .service ]] && return 0
  echo 'There is no service yet: svc.sh install' >&2
  exit 1
}

case ${1:-} in
  install)
    [[ -e .runner ]] || { echo 'This runner is not configured: config.sh' >&2; exit 1; }
    [[ ! -e .service ]] || { echo 'The service is installed already.' >&2; exit 1; }
    echo "actions.runner.$(hostname)" >.service
    ;;
  start)
    must_be_installed
    alive && exit 0
    mkdir -p _diag
    set -m
    RUNNER_MANUALLY_TRAP_SIG=1 nohup ./run.sh </dev/null >>_diag/service.log 2>&1 &
    echo "$!" >.service.pid
    ;;
  status)
    must_be_installed
    if alive; then echo "Started: $(<.service.pid)"; else echo Stopped; fi
    ;;
  stop)
    must_be_installed
    alive && kill -TERM "$(<.service.pid)"
    rm -f .service.pid
    ;;
  uninstall)
    must_be_installed
    alive && kill -TERM "$(<.service.pid)"
    rm -f .service .service.pid
    ;;
  *)
    echo 'usage: svc.sh install | start | status | stop | uninstall' >&2
    exit 1
    ;;
esac
