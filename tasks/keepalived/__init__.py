"""keepalived.conf, read in full: includes, definitions, conditions, and what it makes of them."""
