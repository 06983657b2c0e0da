"""How a run is shown: to a person and to a machine."""
