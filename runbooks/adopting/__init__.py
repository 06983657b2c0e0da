"""What a fleet does today, put together as an inventory that describes it."""
