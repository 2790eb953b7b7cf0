"""The primitives by family, each with its shape rule, reference, gradient and batching rule in one place."""
