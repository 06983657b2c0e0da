# shellcheck shell=sh
# keepalived: its configuration with whatever that includes, and the words it was started with.

# ka_words: those words, one a line; of the daemon that runs, else of what would start it.
ka_words() {
    if ka_pid && tr '\0' '\n' <"/proc/$_pid/cmdline" 2>/dev/null; then return; fi
    sed -n -e 's/^[[:space:]]*DAEMON_ARGS=//p' -e 's/^[[:space:]]*KEEPALIVED_OPTIONS=//p' \
        /etc/default/keepalived /etc/sysconfig/keepalived 2>/dev/null |
        tr -d "\"'" | tr -s '[:blank:]' '\n'
}

# ka_main: the file that it begins with, as those words on stdin say.
ka_main() {
    _file=
    _next=
    while IFS= read -r _word; do
        case $_next:$_word in
            that:*) _file=$_word _next= ;;
            :-f | :--use-file) _next=that ;;
            :--use-file=*) _file=${_word#--use-file=} ;;
            :-f*) _file=${_word#-f} ;;
        esac
    done
    printf '%s\n' "${_file:-/etc/keepalived/keepalived.conf}"
}

# ka_test: what keepalived says of its own files, with the words it was started with.
ka_test() {
    _id=
    case $_words in *-i*) _id=$(ka_id) ;; esac
    patiently 10 keepalived --config-test --use-file "$ka_main" ${_id:+--config-id "$_id"} 2>&1
}

ka_id() {
    printf '%s\n' "$_words" | awk '
        want { id = $0; want = 0; next }
        $0 == "-i" || $0 == "--config-id" { want = 1; next }
        sub(/^--config-id=/, "") || /^-i./ && sub(/^-i/, "") { id = $0 }
        END { print id }'
}

# ka_patterns FILE: what it includes, a pattern a line, with the braces of csh multiplied out. A line
# that only some routers are meant to read is read here too: it is the reader of all this who decides.
ka_patterns() {
    sed -n 's/^[[:space:]]*\(@[^[:space:]]*[[:space:]]\{1,\}\)*include[rmwbat]\{0,1\}[[:space:]]\{1,\}//p' \
        -- "$1" | awk '
        function multiply(text,    from, to, before, behind, parts, n, i) {
            to = index(text, "}")
            for (from = to; from > 0 && substr(text, from, 1) != "{"; from--);
            if (!to || !from || ++multiplied > 200) { print text; return }
            before = substr(text, 1, from - 1); behind = substr(text, to + 1)
            n = split(substr(text, from + 1, to - from - 1), parts, ",")
            if (!n) multiply(before behind)
            for (i = 1; i <= n; i++) multiply(before parts[i] behind)
        }
        { sub(/[[:space:]]+[#!].*$/, ""); sub(/[[:space:]]+$/, ""); gsub(/^"|"$/, "") }
        $0 != "" { multiply($0) }
    '
}

# ka_file FILE DEPTH: a file, then those that it includes; each once, and not without end.
ka_file() {
    case $ka_seen in *"
$1
"*) return ;; esac
    [ -f "$1" ] && [ "$2" -le 8 ] && [ "$ka_left" -gt 0 ] || return 0
    ka_left=$((ka_left - 1))
    ka_seen="$ka_seen$1
"
    section "keepalived:file:$1" cat -- "$1"
    case $1 in */*) _folder=${1%/*} ;; *) _folder=. ;; esac
    _patterns=$(ka_patterns "$1")
    _ifs=$IFS
    IFS='
'
    # shellcheck disable=SC2046,SC2086 # each line is one pattern; wildcards are what is wanted
    set -- "$2" $(for _p in $_patterns; do
        case $_p in /*) printf '%s\n' $_p ;; *) printf '%s\n' "$_folder"/$_p ;; esac
    done)
    IFS=$_ifs
    while [ $# -gt 1 ]; do
        ka_next=$2
        _depth=$1
        shift 2
        set -- "$_depth" "$@"
        ka_file "$ka_next" $((_depth + 1))
    done
}

# ka_observe: all of it.
ka_observe() {
    _words=$(ka_words)
    section keepalived:words printf '%s\n' "$_words"
    section keepalived:node uname -n
    ka_main=$(printf '%s\n' "$_words" | ka_main)
    section keepalived:main printf '%s' "$ka_main"
    ka_left=200
    ka_seen='
'
    ka_file "$ka_main" 0
}
