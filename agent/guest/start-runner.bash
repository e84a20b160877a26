#!/bin/bash
# Runs the runner until its one job is over. Its JIT config is in ACTIONS_RUNNER_INPUT_JITCONFIG; a runner that
# register-runner.bash has registered needs none.
#
# A file of this name in <plugins_path>/handlers/github/ replaces this one. It may stay until the runner has ended, as
# this one does, or leave the runner in the background or to svc.sh.

set -eu

cd "${RUNNER_HOME:-$HOME/actions-runner}"
exec ./run.sh
