"""The packet filters a router may run, behind one protocol."""
