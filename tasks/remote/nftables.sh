# shellcheck shell=sh
# nftables: our table with its elements; those of others without the elements of their sets, which may
# be a whole country's addresses.

# nft_names: of the table with the marks.
nft_names() {
    nft_table='inet lvsfleet'
    nft_file=/etc/lvsfleet/lvsfleet.nft
    nft_unit=lvsfleet-nftables.service
    nft_units="/etc/systemd/system/$nft_unit /etc/systemd/system/nftables.service.d/lvsfleet.conf"
    # shellcheck disable=SC2034 # the snapshot and what changes it go by it
    nft_copy=nft-table
}
nft_names

# nft_own OPTION: our table; nothing where there is none.
nft_own() {
    # shellcheck disable=SC2086 # family and name
    nft "$1" list table $nft_table 2>/dev/null
}

# nft_terse WORDS: what it lists without elements; before nft 0.9.4 with them.
nft_terse() { nft -jst list "$@" || nft -js list "$@"; }

nft_others() { nft_terse ruleset; }

# nft_marking FAMILY_TABLE…: the tables of others, but for these, that set marks, one a line; behind each
# the maps, with their elements, that it may take them from. Elements that come and go by themselves stay
# out.
nft_marking() {
    printf '%s\n' "$nft_tables" | while read -r _ _family _table; do
        case "$_family $_table" in ' ' | "$nft_table") continue ;; esac
        case " $* " in *" ${_family}_$_table "*) continue ;; esac
        _listed=$(nft_terse table "$_family" "$_table" 2>/dev/null) || continue
        case $_listed in *'"mangle"'*'"mark"'*) ;; *) continue ;; esac
        printf '%s\n' "$_listed"
        nft -t list table "$_family" "$_table" 2>/dev/null | nft_mark_maps | while read -r _map; do
            nft -js list map "$_family" "$_table" "$_map"
        done
    done
}

# nft_mark_maps: the names of those maps, from a listing on stdin.
nft_mark_maps() {
    awk '
        $1 == "map" && $3 == "{" { name = $2; marks = 0 }
        /^\t\ttype(of)? .* : (meta |ct )?mark$/ { marks = 1 }
        /^\t\tflags .*(dynamic|timeout)/ { marks = 0 }
        $1 == "}" { if (name && marks) print name; name = "" }
    '
}

# nft_conf: the file that nftables.service loads at boot, on Debian /etc/nftables.conf.
nft_conf() {
    systemctl show --property=ExecStart nftables.service 2>/dev/null |
        sed -n 's/.*argv\[\]=[^;]* -f \([^ ;]*\) *;.*/\1/p' | head -n 1
}

# nft_alone CONF SCRIPT [DIR]: run SCRIPT where nothing is but the rules of CONF: in a network namespace
# that ends with it. Rules by interface need one of that name; the service runs with / as its folder.
nft_alone() {
    _conf=$1
    _script=$2
    _dir=${3-}
    set --
    for _f in /sys/class/net/*; do set -- "$@" "${_f##*/}"; done
    # shellcheck disable=SC2016 # it is the shell in there that puts its words in
    patiently 20 unshare --net --mount sh -c '
        conf=$1
        load() {
            nft -f "$conf" 2>/dev/null && return
            for name; do ip link add "$name" type veth; done 2>/dev/null
            nft -f "$conf"
        }
        script=$2
        dir=$3
        shift 3
        cd / && load "$@" && eval "$script"' - "$_conf" "$_script" "$_dir" "$@"
}

# nft_at_boot CONF: its tables, and all its maps with their elements.
nft_at_boot() { nft_alone "$1" 'nft -jst list ruleset && nft -js list maps'; }

# nft_sources FILE…: files with all that they include, each once; a name that does not begin with a
# slash is one in /etc (nft(8), "Including files").
nft_sources() {
    _found='
'
    _left=50
    while [ $# -gt 0 ] && [ "$_left" -gt 0 ]; do
        _path=$1
        shift
        case $_found in *"
$_path
"*) continue ;; esac
        [ -f "$_path" ] || continue
        _found="$_found$_path
"
        _left=$((_left - 1))
        section "nftables:file:$_path" cat -- "$_path"
        _patterns=$(sed -n 's/^[[:space:]]*include[[:space:]]\{1,\}"\([^"[:space:]]*\)".*/\1/p' \
            -- "$_path")
        set -f # each is taken as it is, and then for a pattern
        for _pattern in $_patterns; do
            set +f
            case $_pattern in /*) ;; ./*) _pattern=/${_pattern#./} ;; *) _pattern=/etc/$_pattern ;; esac
            for _f in $_pattern; do set -- "$@" "$_f"; done
        done
        set +f
    done
}

# nft_marks: where others set marks, all that one needs to know of that: what runs, what is loaded at
# boot, and by which files.
nft_marks() {
    case $1 in *'"mangle"'*'"mark"'*) ;; *) return 0 ;; esac
    section nftables:marking nft_marking
    _conf=$(nft_conf)
    if [ "$_conf" ] && [ -f "$_conf" ]; then
        section nftables:conf printf '%s' "$_conf"
        section nftables:boot nft_at_boot "$_conf"
        nft_sources "$_conf"
    fi
}

# nft_observe: the tables, and what is loaded at boot.
nft_observe() {
    section nftables:own nft_own -js
    _others=$(nft_others)
    section nftables:others nft_told $? "$_others"
    for _f in $nft_file $nft_units; do
        file_section "$_f"
    done
    nft_marks "$_others"
    # Of a rule that iptables has made, nft tells the name of its match at most.
    case $_others in *'"xt"'*) ipt_variant nft ;; esac
    ipt_variants
}

# nft_beside: the tables that set marks beside another packet filter, but for those that it has made.
nft_beside() {
    have nft || return 0
    _made=inet_firewalld
    for _f in ip ip6; do
        for _t in filter mangle nat raw security firewalld; do _made="$_made ${_f}_$_t"; done
    done
    # shellcheck disable=SC2086 # names
    _listed=$(nft_marking $_made 2>/dev/null)
    if [ "$_listed" ]; then section nftables:beside printf '%s\n' "$_listed"; fi
}

nft_told() { printf '%s\n' "$2" && return "$1"; }

# nft_seen: a fingerprint of what a change builds upon, without the kernel's own numbers for things.
nft_seen() { nft_own -js | tr , '\n' | grep -v '"handle"' | sort | sha256sum; }
