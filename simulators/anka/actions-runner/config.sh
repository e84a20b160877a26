#!/bin/bash
# config.sh --url U --token T --name N [--labels L] [--runnergroup G] [--work W] [--no-default-labels] [--ephemeral]
#           [--replace] [--unattended] [--disableupdate]      registers this runner
# config.sh remove --token T                                   removes it
dir=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
if [[ ${1:-} == remove ]]; then
  shift
  exec "$dir/bin/Runner.Listener" remove "$@"
fi
exec "$dir/bin/Runner.Listener" configure "$@"
