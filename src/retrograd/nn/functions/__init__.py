"""What `nn.functional` offers, by family."""
