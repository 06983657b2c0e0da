"""What the fleet should be: the vocabulary, one router's desired state, and the fleet's."""
