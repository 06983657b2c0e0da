"""How a router is reached: from a name in the inventory to a root shell, one idea per file."""
