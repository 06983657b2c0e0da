# shellcheck shell=sh
# firewalld: what changes it. Never a reload: that costs packets.

# fw_do COMMAND…: with an end, since a daemon that hangs must not hang the revert too.
fw_do() { patiently 120 "$@" 2>&1 </dev/null; }

fw_runs() { systemctl is-active --quiet firewalld; }

# fw_edit DIR FILE COMMAND [OPTION]: the edits in FILE, each "add|remove PLACE RULE", by COMMAND: all
# that come before any that go. Each call is a Python start, so it gets many rules; but it also has to
# end, and its arguments have to fit, so not all of a thousand.
fw_edit() {
    _dir=$1
    _edits=$1/$2
    _command=$3
    _option=${4-}
    for _do in add remove; do
        while read -r _in; do
            set --
            while read -r _op _place _rule; do
                if [ "$_op" = "$_do" ] && [ "$_place" = "$_in" ]; then
                    set -- "$@" "--$_op-rich-rule=$_rule"
                fi
                if [ $# -ge 200 ]; then
                    fw_call "$_in" "$@" || return
                    set --
                fi
            done <"$_edits"
            if [ $# -gt 0 ]; then fw_call "$_in" "$@" || return; fi
        done <"$_dir/zones"
    done
}

# fw_call PLACE ARGUMENTS…: one call of _command; in a policy that is not there, there is nothing to do.
# A few rules of a zone are made over D-Bus; a policy has no such methods, its settings are set as a whole.
fw_call() {
    case $1 in
        policy:*)
            if [ "$_command $_option" != "firewall-cmd " ] && [ ! -f "$(fw_file "$1")" ]; then return 0; fi
            _in_place=--policy=${1#policy:}
            ;;
        *)
            if [ $# -le 20 ] && [ "$_command" = firewall-cmd ] && fw_bus; then
                fw_few "$@"
                return
            fi
            _in_place=--zone=$1
            ;;
    esac
    shift
    fw_do "$_command" ${_option:+"$_option"} "$_in_place" "$@"
}

# fw_few ZONE ARGUMENTS…: what firewall-cmd would do, by a call for each rule: 10 ms, not the start of a
# Python. What is there already, or gone, is fine here too; so is that it does not understand a rule
# that is to go, for then it has none such. A daemon that hangs has 25 s, once.
fw_few() {
    _zone=$1
    shift
    _stored=
    if [ "$_option" ]; then
        _answer=$(fw_ask_of /config .config getZoneByName s "$_zone") || {
            printf '%s\n' "$_answer"
            return 1
        }
        _stored=${_answer#*FirewallD1}
        _stored=${_stored%\"*}
    fi
    for _argument; do
        _rule=${_argument#*=}
        case $_stored:$_argument in
            :--add-*) set -- '' .zone addRichRule ssi "$_zone" "$_rule" 0 ;;
            :*) set -- '' .zone removeRichRule ss "$_zone" "$_rule" ;;
            *:--add-*) set -- "$_stored" .config.zone addRichRule s "$_rule" ;;
            *) set -- "$_stored" .config.zone removeRichRule s "$_rule" ;;
        esac
        _answer=$(fw_ask_of "$@") && continue
        _status=$?
        case $3:${_answer#Call failed: } in
            addRichRule:ALREADY_ENABLED* | removeRichRule:NOT_ENABLED* | removeRichRule:INVALID_*) ;;
            *)
                printf '%s\n' "$_answer"
                return "$_status"
                ;;
        esac
    done
}

# fw_edit_saved DIR: the edits for the next boot, whether the daemon runs or not.
fw_edit_saved() {
    if ! fw_runs; then
        set -- "$1" firewall-offline-cmd
    else
        set -- "$1" firewall-cmd --permanent
    fi
    fw_make "$@" || return
    if [ -f "${1%/*}/bulk.py" ] && fw_runs && _python=$(fw_python); then
        fw_bulk_edits "$1" | patiently 120 "$_python" -E -s "${1%/*}/bulk.py" 2>&1 || return
    else
        fw_edit "$1" saved-edits "$2" ${3:+"$3"} || return
    fi
    fw_unmake "$@"
}

# fw_make DIR COMMAND [OPTION]: the policies that are to be there, by lines "new PLACE -": for all that
# comes to the router itself, before the zones. firewalld takes them up when it starts.
fw_make() {
    grep -s '^new ' "$1/saved-edits" >/dev/null || return 0
    cat >"$1/policy.xml" <<END || return
<?xml version="1.0" encoding="utf-8"?>
<policy target="CONTINUE">
  <short>lvsfleet</short>
  <description>Firewall marks of LVS services, whichever zone their packets come by.</description>
  <ingress-zone name="ANY"/>
  <egress-zone name="HOST"/>
</policy>
END
    while read -r _op _place _; do
        if [ "$_op" = new ] && [ ! -f "$(fw_file "$_place")" ]; then
            fw_do "$2" ${3:+"$3"} "--new-policy-from-file=$1/policy.xml" "--name=${_place#policy:}" ||
                return
        fi
    done <"$1/saved-edits"
}

# fw_unmake DIR COMMAND [OPTION]: the policies that are to go, by lines "delete PLACE -".
fw_unmake() {
    while read -r _op _place _; do
        if [ "$_op" = delete ] && [ -f "$(fw_file "$_place")" ]; then
            fw_do "$2" ${3:+"$3"} "--delete-policy=${_place#policy:}" || return
        fi
    done <"$1/saved-edits"
}

# fw_bulk_edits DIR: the edits of rules in places that are there.
fw_bulk_edits() {
    while read -r _place; do
        if [ -f "$(fw_file "$_place")" ]; then
            awk -v place="$_place" '$2 == place && ($1 == "add" || $1 == "remove")' "$1/saved-edits"
        fi
    done <"$1/zones"
}

# fw_python: the interpreter that firewall-cmd runs under, which has firewalld's modules.
fw_python() {
    for _f in /usr/bin/firewall-cmd "$(command -v firewall-cmd)"; do
        _i=$(sed -n '1s/^#![[:space:]]*\([^[:space:]]*python[^[:space:]]*\).*/\1/p' "$_f" 2>/dev/null)
        if [ -x "$_i" ]; then
            printf '%s' "$_i"
            return 0
        fi
    done
    return 1
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
    while read -r _place; do
        printf '%s %s\n' "$(sum "$(fw_etc "$_place")")" "$_place" || return
    done <"$1/save/zones" >"$1/written" || return
    if [ -f "$1/save/enable" ]; then systemctl enable firewalld 2>&1 || return; fi
    if [ -f "$1/save/disable" ]; then systemctl disable firewalld 2>&1; fi
}

# fw_room DIR: whether the places' files can be written. firewalld copies a file and then writes over
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
    while read -r _place; do
        for _ in 1 2; do
            cat "$1/save/saved-edits" "$1/save/saved-edits" || return
            if [ -f "$(fw_file "$_place")" ]; then cat "$(fw_file "$_place")" || return; fi
        done
    done <"$1/save/zones"
}

# fw_sync DIR: what firewalld wrote is on the disk; it does not see to that itself.
fw_sync() {
    while read -r _place; do
        _f=$(fw_etc "$_place")
        if [ -f "$_f" ]; then sync "$_f" || return; fi
    done <"$1/save/zones"
    sync /etc/firewalld/zones || return
    if [ -d /etc/firewalld/policies ]; then sync /etc/firewalld/policies; fi
}

# fw_unapply DIR: the runtime as it was. A daemon that died left its rules in the kernel for nobody to
# edit; a new one loads what is saved, which is what was there before, beside them (firewalld 1.3.3).
# Only when it is stopped properly does it take them all away, so it is started once more.
fw_unapply() {
    fw_apply "$1/undo" && return
    [ ! -f "$1/undo/stop" ] || return
    systemctl reset-failed firewalld 2>/dev/null
    systemctl restart firewalld 2>&1 && fw_do firewall-cmd --state &&
        systemctl restart firewalld 2>&1 && fw_do firewall-cmd --state
}

# fw_unsave DIR: what is loaded at boot, as it was: to the byte where nobody else wrote since. The
# daemon looks at its files every 5 s only, and would until then write what it remembers of them: so
# it is told as well.
fw_unsave() {
    if [ -f "$1/undo/disable" ]; then systemctl disable firewalld 2>&1 || return; fi
    rm -f /etc/firewalld/zones/.lvsfleet # of a save that was killed while it looked for room
    if fw_same "$1"; then return 0; fi
    if [ ! -f "$1/written" ] && [ ! -f "$1/do/start" ]; then
        fw_edit_saved "$1/undo" && fw_mend "$1" && fw_sync "$1"
        return
    fi
    _ours=
    _others=no
    while read -r _place; do
        _sum=$(sum "$(fw_etc "$_place")")
        if [ ! -f "$1/written" ] || grep -qxF "$_sum $_place" "$1/written"; then
            _ours="$_ours $_place"
        else
            _others=yes
        fi
    done <"$1/undo/zones"
    if [ "$_others" = yes ] || fw_runs; then fw_edit_saved "$1/undo" || return; fi
    for _place in $_ours; do
        _f=$(fw_etc "$_place")
        if [ -f "$(kept "$1" "$_f")" ]; then
            replace "$_f" "$(kept "$1" "$_f")" || return
        else
            gone "$_f" || return
        fi
    done
}

# fw_same DIR: whether the places' files are those of before.
fw_same() {
    while read -r _place; do
        _f=$(fw_etc "$_place")
        [ "$(sum "$_f")" = "$(sum "$(kept "$1" "$_f")")" ] || return
    done <"$1/undo/zones"
}

# fw_mend DIR: a file that was cut off while the daemon wrote it, as it was before; on a full disk
# in the place of what is left of it.
fw_mend() {
    while read -r _place; do
        _f=$(fw_etc "$_place")
        if [ -f "$_f" ] && ! grep -qE '</(zone|policy)>' "$_f"; then
            _kept=$(kept "$1" "$_f")
            if [ ! -f "$_kept" ]; then
                gone "$_f" || return
            elif ! replace "$_f" "$_kept"; then
                cat -- "$_kept" >"$_f" && sync "$_f" || return
            fi
        fi
    done <"$1/save/zones"
}
