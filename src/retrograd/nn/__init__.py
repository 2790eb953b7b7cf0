"""Layers and losses under PyTorch's names."""

from retrograd.nn import functional, init, parallel, utils
from retrograd.nn.activation import ReLU, Sigmoid, Tanh
from retrograd.nn.adaptive_log_softmax import AdaptiveLogSoftmaxWithLoss
from retrograd.nn.adaptive_pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    FractionalMaxPool2d,
    FractionalMaxPool3d,
)
from retrograd.nn.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from retrograd.nn.bilinear import Bilinear
from retrograd.nn.buffer import Buffer
from retrograd.nn.container import ModuleList, Sequential
from retrograd.nn.conv import Conv1d, Conv2d, Conv3d
from retrograd.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from retrograd.nn.cross_map_lrn import CrossMapLRN2d
from retrograd.nn.ctc import CTCLoss
from retrograd.nn.distance import CosineSimilarity, PairwiseDistance
from retrograd.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout
from retrograd.nn.embedding import Embedding, EmbeddingBag
from retrograd.nn.flatten import Flatten, Identity, Unflatten
from retrograd.nn.fold import Fold, Unfold
from retrograd.nn.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from retrograd.nn.layer_norm import GroupNorm, LayerNorm, RMSNorm
from retrograd.nn.lazy_conv import (
    LazyConv1d,
    LazyConv2d,
    LazyConv3d,
    LazyConvTranspose1d,
    LazyConvTranspose2d,
    LazyConvTranspose3d,
)
from retrograd.nn.lazy_linear import LazyLinear
from retrograd.nn.lazy_norm import (
    LazyBatchNorm1d,
    LazyBatchNorm2d,
    LazyBatchNorm3d,
    LazyInstanceNorm1d,
    LazyInstanceNorm2d,
    LazyInstanceNorm3d,
)
from retrograd.nn.likelihood_loss import GaussianNLLLoss, PoissonNLLLoss
from retrograd.nn.linear import Linear
from retrograd.nn.linear_cross_entropy import LinearCrossEntropyLoss
from retrograd.nn.local_response_norm import LocalResponseNorm
from retrograd.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from retrograd.nn.margin_loss import (
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)
from retrograd.nn.module import Module
from retrograd.nn.module_dict import ModuleDict
from retrograd.nn.multihead_attention import MultiheadAttention, NonDynamicallyQuantizableLinear
from retrograd.nn.padding import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from retrograd.nn.parallel.data_parallel import DataParallel
from retrograd.nn.parameter import Parameter
from retrograd.nn.parameter_list import ParameterDict, ParameterList
from retrograd.nn.pixel_shuffle import ChannelShuffle, PixelShuffle, PixelUnshuffle
from retrograd.nn.pooling import (
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from retrograd.nn.rectifier import (
    CELU,
    ELU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    PReLU,
    ReLU6,
    RReLU,
    Softshrink,
    Threshold,
)
from retrograd.nn.recurrent import GRU, LSTM, RNN
from retrograd.nn.recurrent_base import RNNBase
from retrograd.nn.recurrent_cell import GRUCell, LSTMCell, RNNCell, RNNCellBase
from retrograd.nn.smooth import (
    GELU,
    GLU,
    LogSigmoid,
    Mish,
    SiLU,
    Softplus,
    Softsign,
    Tanhshrink,
)
from retrograd.nn.softmax import (
    LogSoftmax,
    Softmax,
    Softmax2d,
    Softmin,
)
from retrograd.nn.sync_batch_norm import SyncBatchNorm
from retrograd.nn.transformer import Transformer, TransformerDecoder, TransformerEncoder
from retrograd.nn.transformer_layer import TransformerDecoderLayer, TransformerEncoderLayer
from retrograd.nn.uninitialized import UninitializedBuffer, UninitializedParameter
from retrograd.nn.unpooling import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d
from retrograd.nn.upsampling import Upsample, UpsamplingBilinear2d, UpsamplingNearest2d

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AdaptiveLogSoftmaxWithLoss",
    "AlphaDropout",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Bilinear",
    "Buffer",
    "CELU",
    "CTCLoss",
    "ChannelShuffle",
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "CrossMapLRN2d",
    "DataParallel",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "ELU",
    "Embedding",
    "EmbeddingBag",
    "FeatureAlphaDropout",
    "Flatten",
    "Fold",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "GELU",
    "GLU",
    "GRU",
    "GRUCell",
    "GaussianNLLLoss",
    "GroupNorm",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "KLDivLoss",
    "L1Loss",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "LSTM",
    "LSTMCell",
    "LayerNorm",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
    "LeakyReLU",
    "Linear",
    "LinearCrossEntropyLoss",
    "LocalResponseNorm",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MarginRankingLoss",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "NonDynamicallyQuantizableLinear",
    "PReLU",
    "PairwiseDistance",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "PixelShuffle",
    "PixelUnshuffle",
    "PoissonNLLLoss",
    "RMSNorm",
    "RNN",
    "RNNBase",
    "RNNCell",
    "RNNCellBase",
    "RReLU",
    "ReLU",
    "ReLU6",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "SyncBatchNorm",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
    "Unflatten",
    "Unfold",
    "UninitializedBuffer",
    "UninitializedParameter",
    "Upsample",
    "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
    "functional",
    "init",
    "parallel",
    "utils",
]
