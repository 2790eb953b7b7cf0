"""What ran, what it cost, and what goes wrong."""
