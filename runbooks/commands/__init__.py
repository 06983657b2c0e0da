"""The commands: options and their help, nothing that starts slowly."""
