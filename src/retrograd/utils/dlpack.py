"""Memory shared with other libraries, under the name of torch.utils.dlpack."""

from retrograd.tensor.dlpack import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
