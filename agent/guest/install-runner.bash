#!/bin/bash
# Puts GitHub's runner into ~/actions-runner, unless the template has it already (which is faster and pins it).
#
#   RUNNER_HOME      where; default ~/actions-runner
#   RUNNER_VERSION   such as 2.330.0; default: the latest release
#   RUNNER_SHA256    checksum of the archive; checked when set
#
# A file of this name in <plugins_path>/handlers/github/ replaces this one.

set -eu -o pipefail

runner_home="${RUNNER_HOME:-$HOME/actions-runner}"
[ -x "$runner_home/run.sh" ] && exit 0

releases='https://github.com/actions/runner/releases'

case "$(uname -s)" in
  Darwin) os=osx ;;
  Linux) os=linux ;;
  *) echo "no runner for $(uname -s)" >&2 && exit 1 ;;
esac

case "${RUNNER_ARCH:-$(uname -m)}" in
  x86_64 | amd64 | x64 | X64) arch=x64 ;;
  arm64 | aarch64 | ARM64) arch=arm64 ;;
  armv7l | arm | ARM) arch=arm ;;
  *) echo "no runner for $(uname -m)" >&2 && exit 1 ;;
esac

version="${RUNNER_VERSION:-}"
if [ -z "$version" ]; then
  # The address that "latest" leads to ends in the version.
  latest="$(curl -fsSL --retry 3 -o /dev/null -w '%{url_effective}' "$releases/latest")"
  version="${latest##*/v}"
fi

mkdir -p "$runner_home"
archive="$runner_home/runner.tar.gz"
trap 'rm -f "$archive"' EXIT
curl -fsSL --retry 3 -o "$archive" "$releases/download/v$version/actions-runner-$os-$arch-$version.tar.gz"

if [ -n "${RUNNER_SHA256:-}" ]; then
  sum="$(shasum -a 256 "$archive" 2>/dev/null || sha256sum "$archive")"
  if [ "${sum%% *}" != "$RUNNER_SHA256" ]; then
    echo "the runner's archive has checksum ${sum%% *}, expected $RUNNER_SHA256" >&2
    exit 1
  fi
fi

tar -xzf "$archive" -C "$runner_home"
