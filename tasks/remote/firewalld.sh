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

# fw_zones ZONE: that zone, and every other that we left rules in earlier.
fw_zones() {
    _zones=$1
    if [ -f "$home/owned" ]; then
        while read -r _zone _; do
            case " $_zones " in *" $_zone "*) ;; *) _zones="$_zones $_zone" ;; esac
        done <"$home/owned"
    fi
    printf '%s' "$_zones"
}

# fw_observe ZONE RUNNING: the zones, in the runtime (where it runs) and as they will be loaded.
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

# fw_edit DIR FILE COMMAND [OPTION]: the edits in FILE, each "add|remove ZONE RULE", by COMMAND: all
# that come before any that go; one call a zone, since each call is a Python start.
fw_edit() {
    _dir=$1
    _edits=$1/$2
    _command=$3
    _option=${4-}
    for _do in add remove; do
        while read -r _in; do
            set --
            while read -r _op _zone _rule; do
                if [ "$_op" = "$_do" ] && [ "$_zone" = "$_in" ]; then
                    set -- "$@" "--$_op-rich-rule=$_rule"
                fi
            done <"$_edits"
            if [ $# -gt 0 ]; then
                "$_command" ${_option:+"$_option"} "--zone=$_in" "$@" 2>&1 </dev/null || return
            fi
        done <"$_dir/zones"
    done
}

# fw_apply DIR: bring the runtime where DIR says; a daemon that has to be started finds its rules.
fw_apply() {
    if [ -f "$1/start" ]; then
        fw_edit "$1" saved-edits firewall-offline-cmd && systemctl start firewalld 2>&1
    elif [ -f "$1/stop" ]; then
        systemctl stop firewalld 2>&1
    else
        fw_edit "$1" edits firewall-cmd
    fi
}

# fw_save DIR: the same for the next boot.
fw_save() {
    fw_edit "$1" saved-edits firewall-cmd --permanent || return
    if [ -f "$1/enable" ]; then systemctl enable firewalld 2>&1; fi
}

# fw_unsave DIR BEFORE: what is loaded at boot, as it was; the daemon's files only when it is stopped.
fw_unsave() {
    if [ -f "$1/disable" ]; then systemctl disable firewalld 2>&1 || return; fi
    if [ ! -f "$1/stop" ]; then
        fw_edit "$1" saved-edits firewall-cmd --permanent
        return
    fi
    while read -r _zone; do
        _f=/etc/firewalld/zones/$_zone.xml
        if [ -f "$2/$_zone.xml" ]; then replace "$_f" "$2/$_zone.xml"; else rm -f -- "$_f"; fi || return
    done <"$1/zones"
}

fw_snapshot() {
    while read -r _zone; do
        fw_rich "$_zone" >"$2/runtime-$_zone" 2>&1
        if [ -f "/etc/firewalld/zones/$_zone.xml" ]; then
            cp -p -- "/etc/firewalld/zones/$_zone.xml" "$2/" || return
        fi
    done <"$1/zones"
}
