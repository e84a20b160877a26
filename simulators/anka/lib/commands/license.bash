run_command() {
  [[ ${1:-} == show ]] || { usage_error "Error: No such command '${1:-}'."; return; }
  reply_ok "{\"license_type\":\"$license_type\",\"status\":\"$license_status\",\"product\":\"Anka Build\"}" \
    "$license_type ($license_status)"
}
