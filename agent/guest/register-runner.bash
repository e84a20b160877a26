#!/bin/bash
# Registers the runner by a registration token. Not run with JIT registration, where GitHub knows the runner already.
#
#   register-runner.bash NAME TOKEN URL LABELS [GROUP]
#
# A file of this name in <plugins_path>/handlers/github/ replaces this one and gets the same arguments. The runner must be
# ephemeral, or it would take a second job; and never `set -x` here: the token would be in the log for a while.

set -eu

name="$1" token="$2" url="$3" labels="$4" group="${5:-}"

set -- --unattended --ephemeral --disableupdate --no-default-labels --replace
set -- "$@" --name "$name" --url "$url" --token "$token" --labels "$labels"
[ -z "$group" ] || set -- "$@" --runnergroup "$group"

cd "${RUNNER_HOME:-$HOME/actions-runner}"
exec ./config.sh "$@"
