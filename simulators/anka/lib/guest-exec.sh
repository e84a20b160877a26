# Runs inside a guest's session: guest-exec.sh VM_FOLDER STATUS_LINE WORK_FOLDER COMMAND…
# First its id is written down, then the VM's status is read again: a VM that was stopped meanwhile runs nothing.
vm=$1 status=$2 folder=$3
shift 3
echo "$$" 2>/dev/null >>"$vm/sessions" || exit 125
IFS= read -r now <"$vm/status" || exit 125
[ "$now" = "$status" ] || exit 125
cd "$folder" || exit 1
exec "$@"
