# shellcheck shell=sh
# nftables: our table with its elements; those of others without the elements of their sets, which may
# be a whole country's addresses.

nft_table='inet lvsfleet'
nft_file=/etc/lvsfleet/lvsfleet.nft
nft_unit=lvsfleet-nftables.service
nft_units="/etc/systemd/system/$nft_unit /etc/systemd/system/nftables.service.d/lvsfleet.conf"

# nft_own OPTION: our table; nothing where there is none.
nft_own() {
    # shellcheck disable=SC2086 # family and name
    nft "$1" list table $nft_table 2>/dev/null
}

nft_others() { nft -jst list ruleset || nft -js list ruleset; }

# nft_observe: the tables, and what is loaded at boot.
nft_observe() {
    section nftables:own nft_own -js
    section nftables:others nft_others
    for _f in $nft_file $nft_units; do
        file_section "$_f"
    done
    ipt_variants
}

# nft_seen: a fingerprint of what a change builds upon, without the kernel's own numbers for things.
nft_seen() { nft_own -js | tr , '\n' | grep -v '"handle"' | sort | sha256sum; }
