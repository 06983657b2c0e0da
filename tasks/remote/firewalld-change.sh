# shellcheck shell=sh
# firewalld: what changes it. Never a reload: that costs packets.

# fw_do COMMAND…: with an end, since a daemon that hangs must not hang the revert too.
fw_do() {
    if have timeout; then timeout 120 "$@" 2>&1 </dev/null; else "$@" 2>&1 </dev/null; fi
}

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
    fw_edit_saved "$1/save" || return
    while read -r _zone; do
        printf '%s %s\n' "$(sum "/etc/firewalld/zones/$_zone.xml")" "$_zone"
    done <"$1/save/zones" >"$1/written"
    if [ -f "$1/save/enable" ]; then systemctl enable firewalld 2>&1 || return; fi
    if [ -f "$1/save/disable" ]; then systemctl disable firewalld 2>&1; fi
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
    if [ ! -f "$1/written" ] && [ ! -f "$1/do/start" ]; then
        fw_edit_saved "$1/undo"
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
            rm -f -- "$_f" || return
        fi
    done
}

# fw_mend DIR: a zone file that was cut off while the daemon wrote it, as it was before.
fw_mend() {
    while read -r _zone; do
        _f=/etc/firewalld/zones/$_zone.xml
        if [ -f "$_f" ] && ! grep -q '</zone>' "$_f"; then
            if [ -f "$(kept "$1" "$_f")" ]; then replace "$_f" "$(kept "$1" "$_f")"; else rm -f "$_f"; fi
        fi
    done <"$1/save/zones"
}
