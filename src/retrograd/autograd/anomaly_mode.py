"""The search for what is not finite, under the name of torch.autograd.anomaly_mode."""

from retrograd.tensor.anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]
