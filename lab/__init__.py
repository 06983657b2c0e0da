"""A fleet of real routers on this machine."""
