"""What is done on one router: observe, plan, change, and the connections that carry it."""
