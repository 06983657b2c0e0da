# shellcheck shell=sh
# firewalld: read over D-Bus where busctl speaks JSON (10 ms a call), else by firewall-cmd (300 ms).

# fw_ask INTERFACE METHOD ARGUMENTS…: what the running daemon answers, as one line of JSON.
fw_ask() {
    _interface=$1
    shift
    busctl --json=short call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \
        "org.fedoraproject.FirewallD1$_interface" "$@" 2>/dev/null
}

# fw_default: the zone that interfaces are in by default; of the daemon, or of its configuration.
fw_default() {
    if [ "$1" = no ]; then
        sed -n 's/^[[:space:]]*DefaultZone=[[:space:]]*//p' /etc/firewalld/firewalld.conf
    elif _z=$(fw_ask '' getDefaultZone); then
        _z=${_z##*'["'}
        printf '%s' "${_z%%'"]'*}"
    else
        firewall-cmd --get-default-zone
    fi
}

fw_rich() { fw_ask .zone getRichRules s "$1" || firewall-cmd "--zone=$1" --list-rich-rules 2>&1; }
fw_protocols() { fw_ask .zone getProtocols s "$1" || firewall-cmd "--zone=$1" --list-protocols 2>&1; }

# fw_zone_file ZONE: the file that the zone is loaded from at boot.
fw_zone_file() {
    for _f in "/etc/firewalld/zones/$1.xml" "/usr/lib/firewalld/zones/$1.xml"; do
        if [ -f "$_f" ]; then break; fi
    done
    printf '%s' "$_f"
}

# fw_zones ZONES: those, a space between them, and every other that we left rules in earlier.
fw_zones() {
    _zones=$1
    if [ -f "$home/owned" ]; then
        while read -r _zone _; do
            case " $_zones " in *" $_zone "*) ;; *) _zones="$_zones $_zone" ;; esac
        done <"$home/owned"
    fi
    printf '%s' "$_zones"
}

# fw_observe ZONES RUNNING: the zones, in the runtime (where it runs) and as they will be loaded.
fw_observe() {
    _default=$(fw_default "$2")
    section firewalld:default printf '%s' "$_default"
    file_section "$home/owned"
    for _zone in $(fw_zones "${1:-$_default}"); do
        if [ "$2" = yes ]; then
            section "firewalld:rich:$_zone" fw_rich "$_zone"
            section "firewalld:protocols:$_zone" fw_protocols "$_zone"
        fi
        section "firewalld:saved:$_zone" cat -- "$(fw_zone_file "$_zone")"
    done
}

# fw_seen DIR: a fingerprint of what a change builds upon; `zones` in DIR names the zones.
fw_seen() {
    while read -r _zone; do
        fw_rich "$_zone"
    done <"$1/zones" | sha256sum
}
