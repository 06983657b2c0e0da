# shellcheck shell=sh
# encounter NONCE BACKEND PLACES ADDRESS LIKE: as vips, and who answers for ADDRESS, that is to be held
# beside LIKE, on its network. It changes nothing but what the kernel knows of that neighbour.

nb_ask "$3" "$4"
look_all "$1" "$2"
section neighbours nb_told
