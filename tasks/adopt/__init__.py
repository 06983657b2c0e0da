"""What one router does today, whoever made it so, in the words of an inventory."""
