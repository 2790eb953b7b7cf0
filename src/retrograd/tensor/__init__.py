"""The Tensor: a view of a storage, with PyTorch's names."""
