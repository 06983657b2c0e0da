# shellcheck shell=sh
# inspect NONCE BACKEND PLACES: as observe, and what else checks ask about; it only reads.

inspect_all "$@"
