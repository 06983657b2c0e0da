"""What is done to the fleet: the command line and one module per runbook."""
