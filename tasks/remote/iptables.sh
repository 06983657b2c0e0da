# shellcheck shell=sh
# iptables and ip6tables: whole tables are read, own chains are replaced in one step.

# ipt_observe: the running tables of both families, and the files that the services load at boot.
ipt_observe() {
    section iptables:4 iptables-save
    section iptables:6 ip6tables-save
    for _f in /etc/iptables/rules.v4 /etc/iptables/rules.v6 \
        /etc/sysconfig/iptables /etc/sysconfig/ip6tables; do
        file_section "$_f"
    done
}

# ipt_seen: a fingerprint of the chains that a change builds upon; other chains may come and go.
ipt_seen() {
    { iptables-save; ip6tables-save; } 2>/dev/null |
        awk '/^\*/ || /^:LVSFLEET-/ || /^-A (PREROUTING|INPUT|LVSFLEET-[A-Z]+) /' | sha256sum
}

# ipt_apply DIR: replace our chains by those in DIR; each family is one step.
ipt_apply() {
    if [ -s "$1/v4" ]; then iptables-restore -w 5 --noflush <"$1/v4" 2>&1 || return; fi
    if [ -s "$1/v6" ]; then ip6tables-restore -w 5 --noflush <"$1/v6" 2>&1 || return; fi
}

# ipt_ready DIR: whether the kernel takes marks at all; loads the modules where it can. A chain that
# nothing jumps to is made and taken away again, since a dry run of iptables-nft accepts anything.
ipt_ready() {
    for _v in 4 6; do
        [ -s "$1/v$_v" ] || continue
        if [ "$_v" = 4 ]; then _restore=iptables-restore; else _restore=ip6tables-restore; fi
        have "$_restore" || { printf '%s: not found\n' "$_restore"; return 1; }
        if have modprobe; then modprobe -q -a xt_MARK xt_multiport 2>/dev/null; fi
        printf '%s\n' '*mangle' ':LVSFLEET-TRY - [0:0]' '-A LVSFLEET-TRY -j MARK --set-mark 1' COMMIT |
            "$_restore" -w 5 --noflush 2>&1 || return
        printf '%s\n' '*mangle' ':LVSFLEET-TRY - [0:0]' '-X LVSFLEET-TRY' COMMIT |
            "$_restore" -w 5 --noflush 2>&1 || return
    done
}

# ipt_check_saved DIR: whether the files to be written are still those that were read.
# `files` has a line for each: SHA-256-READ NAME-IN-DIR PATH.
ipt_check_saved() {
    while read -r _was _new _path; do
        if [ "$(sum "$_path")" != "$_was" ]; then
            printf '%s was written to by somebody else\n' "$_path"
            return 1
        fi
    done <"$1/files"
}

# ipt_save DIR: write the files for the next boot, after a test of each.
ipt_save() {
    while read -r _ _new _path; do
        case $_new in *6) _restore=ip6tables-restore ;; *) _restore=iptables-restore ;; esac
        "$_restore" -w 5 --test <"$1/$_new" 2>&1 && replace "$_path" "$1/$_new" 2>&1 || return
    done <"$1/files"
}

# ipt_unsave DIR BEFORE: put the files back, each only if it is still as we wrote it.
ipt_unsave() {
    while read -r _was _new _path; do
        if [ "$(sum "$_path")" != "$(sum "$1/$_new")" ]; then
            [ "$(sum "$_path")" = "$_was" ] && continue
            printf '%s was written to by somebody else\n' "$_path"
            return 1
        fi
        if [ "$_was" = - ]; then rm -f -- "$_path"; else replace "$_path" "$2/$_new" 2>&1; fi || return
    done <"$1/files"
}

ipt_snapshot() {
    iptables-save >"$2/running.v4" || return
    ip6tables-save >"$2/running.v6" 2>/dev/null
    while read -r _was _new _path; do
        if [ "$_was" != - ]; then cp -p -- "$_path" "$2/$_new" || return; fi
    done <"$1/files"
}
