"""The checks of a compliance run: one small pure function each, found by its id."""
