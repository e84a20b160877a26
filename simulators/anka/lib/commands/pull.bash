# anka pull T [--check-download-size] [--shrink] [--tag TAG] [URL]
. "$sim_lib/registry.bash"

run_command() { registry_pull "$@"; }
