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

# ipt_rehook STEPS: STEPS, but that they delete the jumps to our chains that the dump on stdin has, and
# put back of the lines of others only those that it lacks, or delete those that it has.
ipt_rehook() {
    awk '
        function rest(line, from) { # a line from its word number FROM on
            while (--from) sub(/^[^ ]+ /, "", line)
            return line
        }
        function others(line,    word, bare, at) {
            split(line, word, " ")
            at = word[3] ~ /^[0-9]+$/ && line ~ /^-I/ ? word[3] : 0
            bare = "-A " word[2] " " rest(line, at ? 4 : 3)
            if (line ~ /^-D/) {
                if (has[table, bare]-- > 0) { print line; count[table, word[2]]-- }
            } else if (has[table, bare] > 0) has[table, bare]--
            else {
                if (at > ++count[table, word[2]]) at = count[table, word[2]]
                print "-I " word[2] " " at " " rest(bare, 3)
            }
        }
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
            next
        }
        /^-A / { has[table, $0]++; count[table, $2]++ }
        END {
            for (n = 1; n <= steps; n++) {
                if (step[n] ~ /^-D (PREROUTING|INPUT) -j LVSFLEET-/) continue
                if (step[n] ~ /^-[DI] / && step[n] !~ / -j LVSFLEET-(MARK|IN)$/) {
                    others(step[n])
                    continue
                }
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
        printf '%s\n' '*mangle' ':LVSFLEET-TRY - [0:0]' '-A LVSFLEET-TRY -j MARK --set-mark 1' COMMIT \
            '*mangle' ':LVSFLEET-TRY - [0:0]' '-X LVSFLEET-TRY' COMMIT |
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
# tab) in their place; all other lines as they are. OWN may have lines of others too, which the change
# took out: those that are not there come back with the jump.
ipt_edit_back() {
    awk -v own="$1" '
        function put_hook(    n) {
            for (n = 1; n <= taken[table]; n++) {
                if (!(line = lines[table, n]) || has[table, line]-- > 0) continue
                print line
            }
            printf "%s", hook[table]
        }
        BEGIN {
            while ((getline line <own) > 0) {
                table = line; sub(/\t.*/, "", table); sub(/^[^\t]*\t/, "", line)
                if (line ~ /^:/) chain[table] = line "\n"
                else if (line ~ /^-A LVSFLEET-/) rules[table] = rules[table] line "\n"
                else if (line ~ / -j LVSFLEET-(MARK|IN)$/) hook[table] = line "\n"
                else lines[table, ++taken[table]] = line
            }
        }
        { bare = $0; sub(/^\[[0-9]+:[0-9]+\] /, "", bare) }
        /^\*/ { table = substr($1, 2); declared = hooked = 0 }
        bare ~ /^:LVSFLEET-/ || bare ~ /^-A LVSFLEET-/ { next }
        (bare ~ /^-A/ || /^COMMIT/) && !declared++ { printf "%s", chain[table] }
        bare ~ /^-A (PREROUTING|INPUT) -j LVSFLEET-(MARK|IN)$/ {
            if (!hooked++) put_hook()
            next
        }
        table == "filter" && !hooked &&
            bare ~ /^-A INPUT (-m comment --comment ("([^"\\]|\\.)*"|[^ "]+) )?-j (REJECT|DROP)/ {
            hooked = 1
            put_hook()
        }
        /^COMMIT/ {
            if (!hooked++) put_hook()
            printf "%s", rules[table]
        }
        bare ~ /^-A / { has[table, bare]++ }
        { print }
    ' "$2"
}
