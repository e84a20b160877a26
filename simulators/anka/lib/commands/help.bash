run_command() {
  [[ -z $machine ]] || { usage_error 'Error: Missing command.'; return; }
  printf 'Usage: anka [OPTIONS] COMMAND [ARGS]...\n\nCommands: clone config cp delete license list modify mount pull registry\n'
  printf '          run show start stop suspend version\n'
}
