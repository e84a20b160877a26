run_command() {
  reply_ok "{\"product\":\"Anka Build\",\"version\":\"$version\",\"build\":\"192.simulated\"}" "Anka Build version $version (build 192.simulated)"
}
