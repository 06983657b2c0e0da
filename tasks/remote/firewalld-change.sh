# shellcheck shell=sh
# firewalld: what changes it. Never a reload: that costs packets.

# fw_do COMMAND…: with an end, since a daemon that hangs must not hang the revert too.
fw_do() { patiently 120 "$@" 2>&1 </dev/null; }

fw_runs() { systemctl is-active --quiet firewalld; }

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
                fw_do "$_command" ${_option:+"$_option"} "--zone=$_in" "$@" || return
            fi
        done <"$_dir/zones"
    done
}

# fw_edit_saved DIR: the edits for the next boot, whether the daemon runs or not.
fw_edit_saved() {
    if fw_runs; then
        fw_edit "$1" saved-edits firewall-cmd --permanent
    else
        fw_edit "$1" saved-edits firewall-offline-cmd
    fi
}

# fw_apply DIR: bring the runtime where DIR says; a daemon that has to be started finds its rules.
fw_apply() {
    if [ -f "$1/start" ]; then
        fw_edit_saved "$1" && systemctl start firewalld 2>&1
    elif [ -f "$1/stop" ]; then
        systemctl stop firewalld 2>&1
    else
        fw_edit "$1" edits firewall-cmd
    fi
}

# fw_save DIR: the same for the next boot. What the files are then is noted, to know our own work by.
fw_save() {
    fw_room "$1" && fw_edit_saved "$1/save" && fw_sync "$1" || return
    while read -r _zone; do
        printf '%s %s\n' "$(sum "/etc/firewalld/zones/$_zone.xml")" "$_zone" || return
    done <"$1/save/zones" >"$1/written" || return
    if [ -f "$1/save/enable" ]; then systemctl enable firewalld 2>&1 || return; fi
    if [ -f "$1/save/disable" ]; then systemctl disable firewalld 2>&1; fi
}

# fw_room DIR: whether the zones' files can be written. firewalld copies a file and then writes over
# the old one: without room that would leave neither.
fw_room() {
    _try=/etc/firewalld/zones/.lvsfleet
    if _fw_twice "$1" >"$_try" && sync "$_try"; then
        rm -f "$_try"
        return 0
    fi
    rm -f "$_try"
    printf 'there is no room in %s\n' "${_try%/*}"
    return 1
}

_fw_twice() {
    while read -r _zone; do
        for _ in 1 2; do
            cat "$(fw_zone_file "$_zone")" "$1/save/saved-edits" "$1/save/saved-edits" || return
        done
    done <"$1/save/zones"
}

# fw_sync DIR: what firewalld wrote is on the disk; it does not see to that itself.
fw_sync() {
    while read -r _zone; do
        _f=/etc/firewalld/zones/$_zone.xml
        if [ -f "$_f" ]; then sync "$_f" || return; fi
    done <"$1/save/zones"
    sync /etc/firewalld/zones
}

# fw_unapply DIR: the runtime as it was. A daemon that died took its rules along or left them for
# nobody to edit: a new one loads what is saved, which is what was there before.
fw_unapply() {
    fw_apply "$1/undo" && return
    [ ! -f "$1/undo/stop" ] || return
    systemctl restart firewalld 2>&1
}

# fw_unsave DIR: what is loaded at boot, as it was: to the byte where nobody else wrote since. The
# daemon looks at its files every 5 s only, and would until then write what it remembers of them: so
# it is told as well.
fw_unsave() {
    if [ -f "$1/undo/disable" ]; then systemctl disable firewalld 2>&1 || return; fi
    if fw_same "$1"; then return 0; fi
    if [ ! -f "$1/written" ] && [ ! -f "$1/do/start" ]; then
        fw_edit_saved "$1/undo" && fw_mend "$1" && fw_sync "$1"
        return
    fi
    _ours=
    _others=no
    while read -r _zone; do
        _sum=$(sum "/etc/firewalld/zones/$_zone.xml")
        if [ ! -f "$1/written" ] || grep -qxF "$_sum $_zone" "$1/written"; then
            _ours="$_ours $_zone"
        else
            _others=yes
        fi
    done <"$1/undo/zones"
    if [ "$_others" = yes ] || fw_runs; then fw_edit_saved "$1/undo" || return; fi
    for _zone in $_ours; do
        _f=/etc/firewalld/zones/$_zone.xml
        if [ -f "$(kept "$1" "$_f")" ]; then
            replace "$_f" "$(kept "$1" "$_f")" || return
        else
            gone "$_f" || return
        fi
    done
}

# fw_same DIR: whether the zones' files are those of before.
fw_same() {
    while read -r _zone; do
        _f=/etc/firewalld/zones/$_zone.xml
        [ "$(sum "$_f")" = "$(sum "$(kept "$1" "$_f")")" ] || return
    done <"$1/undo/zones"
}

# fw_mend DIR: a zone file that was cut off while the daemon wrote it, as it was before; on a full disk
# in the place of what is left of it.
fw_mend() {
    while read -r _zone; do
        _f=/etc/firewalld/zones/$_zone.xml
        if [ -f "$_f" ] && ! grep -q '</zone>' "$_f"; then
            _kept=$(kept "$1" "$_f")
            if [ ! -f "$_kept" ]; then
                gone "$_f" || return
            elif ! replace "$_f" "$_kept"; then
                cat -- "$_kept" >"$_f" && sync "$_f" || return
            fi
        fi
    done <"$1/save/zones"
}
