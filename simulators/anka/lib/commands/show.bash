# anka show ID [tag|network]
run_command() {
  local id=${1:-} accessed live=''
  find_entry "$id" || { not_found "$id"; return; }
  case ${2:-} in
    '') ;;
    tag) reply_ok "[${tag:+{\"tag\":\"$tag\",\"description\":\"\"\}}]" "$tag"; return ;;
    network)
      reply_ok '{"mode":"shared","controller":"virtio-net","port_forwarding_rules":[]}' 'mode: shared'
      return
      ;;
    *) usage_error "Error: invalid choice: $2"; return ;;
  esac
  { read -r accessed <"$dir/accessed"; } 2>/dev/null || accessed=$created
  [[ $state != running ]] || live=',"ip":"192.168.64.2","port_forwarding":[],"vnc_port":5901'
  json_string "$name"
  reply_ok "{\"uuid\":\"$uuid\",\"name\":$json,${tag:+\"version\":\"$tag\",}\"creation_date\":\"$created\",\
\"access_date\":\"$accessed\",\"cpu_cores\":$cpu,\"cpu_frequency\":0,\"cpu_htt\":false,\"arch\":2,\"ram\":\"$ram\",\
\"ram_size\":$ram,\"frame_buffers\":1,\"hard_drive\":$disk,\"encrypted\":false,\"image_size\":$image,\
\"addons_version\":\"$version.1\",\"status\":\"$state\"$live}" "$name $uuid $state cpu $cpu ram $ram"
}
