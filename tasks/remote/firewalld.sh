# shellcheck shell=sh
# firewalld: read over D-Bus where there is a busctl (10 ms a call), else by firewall-cmd (300 ms).
# A place is a zone by its name, or policy:NAME.

# fw_ask_of OBJECT INTERFACE METHOD ARGUMENTS…: what the running daemon answers, as one line, or why it
# does not; objects and interfaces by what stands behind firewalld's own name.
fw_ask_of() {
    _object=$1
    _interface=$2
    shift 2
    busctl call org.fedoraproject.FirewallD1 "/org/fedoraproject/FirewallD1$_object" \
        "org.fedoraproject.FirewallD1$_interface" "$@" 2>&1 </dev/null
}

fw_ask() { fw_ask_of '' "$@"; }

# fw_bus: whether the daemon answers over D-Bus; asked once in each shell.
fw_bus() {
    if [ -z "${_fw_bus-}" ]; then
        if _fw_zone=$(fw_ask '' getDefaultZone); then _fw_bus=yes; else _fw_bus=no; fi
    fi
    [ "$_fw_bus" = yes ]
}

# fw_default RUNNING: the zone that interfaces are in by default; of the daemon, or of its configuration.
fw_default() {
    if [ "$1" = no ]; then
        sed -n 's/^[[:space:]]*DefaultZone=[[:space:]]*//p' /etc/firewalld/firewalld.conf
    elif fw_bus; then
        _z=${_fw_zone#*\"}
        printf '%s' "${_z%%\"*}"
    else
        firewall-cmd --get-default-zone
    fi
}

fw_rich() { if fw_bus; then fw_ask .zone getRichRules s "$1"; else firewall-cmd "--zone=$1" --list-rich-rules 2>&1; fi; }
fw_protocols() { if fw_bus; then fw_ask .zone getProtocols s "$1"; else firewall-cmd "--zone=$1" --list-protocols 2>&1; fi; }
fw_policy() { if fw_bus; then fw_ask .policy getPolicySettings s "$1"; else firewall-cmd "--policy=$1" --list-all 2>&1; fi; }
fw_active() { if fw_bus; then fw_ask .zone getActiveZones; else firewall-cmd --get-active-zones 2>&1; fi; }
fw_policies() { if fw_bus; then fw_ask .policy getActivePolicies; else firewall-cmd --get-active-policies 2>&1; fi; }

# fw_version RUNNING: firewalld's release.
fw_version() {
    if [ "$1" = no ]; then
        firewall-offline-cmd --version
    elif fw_bus; then
        busctl get-property org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \
            org.fedoraproject.FirewallD1 version
    else
        firewall-cmd --version
    fi 2>&1
}

# fw_etc PLACE: the file that a place of the administrator's own is in; fw_file PLACE: the one that it
# is loaded from at boot.
fw_etc() {
    case $1 in
        policy:*) printf '/etc/firewalld/policies/%s.xml' "${1#policy:}" ;;
        *) printf '/etc/firewalld/zones/%s.xml' "$1" ;;
    esac
}

fw_file() {
    _f=$(fw_etc "$1")
    if [ ! -f "$_f" ]; then _f=/usr/lib/firewalld/${_f#/etc/firewalld/}; fi
    printf '%s' "$_f"
}

# fw_places PLACES: those, a space between them, and every other that we left rules in earlier.
fw_places() {
    _places=$1
    if [ -f "$home/owned" ]; then
        while read -r _place _; do fw_place "$_place"; done <"$home/owned"
    fi
    printf '%s' "$_places"
}

# fw_place PLACE: one more of _places.
fw_place() { case " $_places " in *" $1 "*) ;; *) _places="$_places $1" ;; esac; }

# fw_observe PLACES RUNNING: the places, in the runtime (where it runs) and as they will be loaded.
fw_observe() {
    if [ "$2" = yes ]; then fw_bus; fi # for all shells that come from this one
    _default=$(fw_default "$2")
    section firewalld:default printf '%s' "$_default"
    file_section "$home/owned"
    _places=$(fw_places "${1:-$_default}")
    if [ "$2" = yes ]; then section firewalld:active fw_active; fi
    case $_places in *policy:*) fw_observe_policies "$2" ;; esac
    for _place in $_places; do
        _bare=${_place#policy:}
        if [ "$_bare" != "$_place" ]; then
            if [ "$2" = yes ]; then section "firewalld:policy:$_bare" fw_policy "$_bare"; fi
            section "firewalld:saved-policy:$_bare" cat -- "$(fw_file "$_place")"
            continue
        fi
        if [ "$2" = yes ]; then
            section "firewalld:rich:$_bare" fw_rich "$_bare"
            section "firewalld:protocols:$_bare" fw_protocols "$_bare"
        fi
        section "firewalld:saved:$_bare" cat -- "$(fw_file "$_place")"
    done
    nft_beside
    ipt_beside
}

# fw_observe_policies RUNNING: what a policy needs, and what packets come by besides: the policy that
# stands in for one that is not loaded, and the policies and zones that are in use.
fw_observe_policies() {
    section firewalld:version fw_version "$1"
    fw_place policy:allow-host-ipv6
    fw_place "$_default"
    [ "$1" = yes ] || return 0
    section firewalld:policies fw_policies
    # Of each answer those words that are names; the others name interfaces, sources and the like.
    for _word in $(fw_policies | tr -c 'A-Za-z0-9_.-' '\n'); do
        if [ -f "$(fw_file "policy:$_word")" ]; then fw_place "policy:$_word"; fi
    done
    for _word in $(fw_active | tr -c 'A-Za-z0-9_.-' '\n'); do
        if [ -f "$(fw_file "$_word")" ]; then fw_place "$_word"; fi
    done
}

# fw_rules PLACE: its rules in the runtime.
fw_rules() { case $1 in policy:*) fw_policy "${1#policy:}" ;; *) fw_rich "$1" ;; esac; }

# fw_seen DIR: a fingerprint of what a change builds upon; `zones` in DIR names the places.
fw_seen() {
    while read -r _place; do
        fw_rules "$_place"
    done <"$1/zones" | sha256sum
}
