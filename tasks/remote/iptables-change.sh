# shellcheck shell=sh
# iptables and ip6tables: what changes them. Each family is one step; nothing else is flushed.

# ipt_apply DIR: replace our chains by those in DIR.
ipt_apply() {
    if [ -s "$1/v4" ]; then patiently 60 iptables-restore -w 5 --noflush <"$1/v4" 2>&1 || return; fi
    if [ -s "$1/v6" ]; then patiently 60 ip6tables-restore -w 5 --noflush <"$1/v6" 2>&1 || return; fi
}

# ipt_unapply DIR: our chains as they were, however far the change got: a table that it did not reach
# has no jump of ours to delete, or still has the one that was there before.
ipt_unapply() {
    for _v in 4 6; do
        [ -s "$1/undo/v$_v" ] || continue
        if [ "$_v" = 4 ]; then _program=iptables; else _program=ip6tables; fi
        _dump=$("$_program-save") || return
        _steps=$(printf '%s\n' "$_dump" | ipt_rehook "$1/undo/v$_v") || return
        printf '%s\n' "$_steps" | patiently 60 "$_program-restore" -w 5 --noflush 2>&1 || return
    done
}

# ipt_rehook STEPS: STEPS, but that they delete the jumps to our chains that the dump on stdin has.
ipt_rehook() {
    awk '
        FNR == NR {
            step[++steps] = $0
            if (/^\*/) table = $1
            if (/^-[ADI] (PREROUTING|INPUT) ([0-9]+ )?-j LVSFLEET-(MARK|IN)$/) moves[table] = 1
            next
        }
        /^\*/ { table = $1 }
        /^-A (PREROUTING|INPUT) -j LVSFLEET-(MARK|IN)$/ {
            sub(/^-A/, "-D")
            jumps[table] = jumps[table] $0 "\n"
        }
        END {
            for (n = 1; n <= steps; n++) {
                if (step[n] ~ /^-D (PREROUTING|INPUT) -j LVSFLEET-/) continue
                print step[n]
                if (step[n] ~ /^\*/) table = step[n]
                if (step[n] ~ /^:LVSFLEET-/ && moves[table]) printf "%s", jumps[table]
            }
        }
    ' "$1" -
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

# ipt_save DIR: write the files for the next boot, after a test of each; again does no harm.
ipt_save() {
    while read -r _ _new _path; do
        [ "$_new" != - ] || continue
        case $_new in v6) _restore=ip6tables-restore ;; *) _restore=iptables-restore ;; esac
        "$_restore" -w 5 --test <"$1/save/$_new" 2>&1 || return
    done <"$1/save/files"
    put_files "$1"
}

# ipt_unsave DIR: the files as they were: to the byte where nobody else wrote since, else by taking
# our lines out and putting those of before in their place.
ipt_unsave() {
    while read -r _was _new _path; do
        _now=$(sum "$_path")
        rm -f -- "$_path.lvsfleet"
        if [ "$_now" = "$_was" ]; then
            continue
        elif [ "$_now" = - ] || [ "$_now" = "$(sum "$1/save/$_new")" ]; then
            if [ "$_was" = - ]; then
                gone "$_path"
            else
                replace "$_path" "$(kept "$1" "$_path")" 2>&1
            fi
        else
            case $_path in *.v6 | */ip6tables) _own=own.v6 ;; *) _own=own.v4 ;; esac
            ipt_edit_back "$1/undo/$_own" "$_path" >"$1/edited" && replace "$_path" "$1/edited" 2>&1
        fi || return
    done <"$1/save/files"
}

# ipt_edit_back OWN FILE: FILE with our lines taken out, and those of OWN (each behind its table and a
# tab) in their place; all other lines as they are.
ipt_edit_back() {
    awk -v own="$1" '
        BEGIN {
            while ((getline line <own) > 0) {
                table = line; sub(/\t.*/, "", table); sub(/^[^\t]*\t/, "", line)
                if (line ~ /^:/) chain[table] = line "\n"
                else if (line ~ /^-A LVSFLEET-/) rules[table] = rules[table] line "\n"
                else hook[table] = line "\n"
            }
        }
        { bare = $0; sub(/^\[[0-9]+:[0-9]+\] /, "", bare) }
        /^\*/ { table = substr($1, 2); declared = hooked = 0 }
        bare ~ /^:LVSFLEET-/ || bare ~ /^-A LVSFLEET-/ { next }
        (bare ~ /^-A/ || /^COMMIT/) && !declared++ { printf "%s", chain[table] }
        bare ~ /^-A (PREROUTING|INPUT) -j LVSFLEET-(MARK|IN)$/ {
            if (!hooked++) printf "%s", hook[table]
            next
        }
        table == "filter" && !hooked &&
            bare ~ /^-A INPUT (-m comment --comment ("([^"\\]|\\.)*"|[^ "]+) )?-j (REJECT|DROP)/ {
            hooked = 1
            printf "%s", hook[table]
        }
        /^COMMIT/ {
            if (!hooked++) printf "%s", hook[table]
            printf "%s", rules[table]
        }
        { print }
    ' "$2"
}
