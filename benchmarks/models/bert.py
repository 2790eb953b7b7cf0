"""A small encoder that classifies sentences, layer norms after each part (Devlin et al. 2019)."""

from __future__ import annotations

from typing import Any

WORDS, LENGTH, WIDTH, HEADS, LAYERS, DROPOUT = 2000, 128, 256, 4, 4, 0.1


def bert(library: Any) -> Any:
    """4 layers, 256 wide, 4 heads, 128 tokens, 2 classes, dropout 0.1."""
    nn, functional = library.nn, library.nn.functional

    class Layer(nn.Module):  # type: ignore[name-defined, misc]
        """Attention both ways, then two dense layers."""

        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
            self.dropout = nn.Dropout(DROPOUT)

        def attention(self, x: Any) -> Any:
            batch, time, width = x.shape
            parts = self.qkv(x).split(WIDTH, dim=2)
            q, k, v = (part.view(batch, time, HEADS, width // HEADS).transpose(1, 2) for part in parts)
            rate = DROPOUT if self.training else 0.0
            y = functional.scaled_dot_product_attention(q, k, v, dropout_p=rate)
            return self.out(y.transpose(1, 2).reshape(batch, time, width))

        def forward(self, x: Any) -> Any:
            x = self.norm1(x + self.dropout(self.attention(x)))
            return self.norm2(x + self.dropout(self.narrow(functional.gelu(self.wide(x)))))

    class Bert(nn.Module):  # type: ignore[name-defined, misc]
        """Classes of a sentence, from its first token."""

        def __init__(self) -> None:
            super().__init__()
            self.words, self.positions = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
            self.norm, self.dropout = nn.LayerNorm(WIDTH), nn.Dropout(DROPOUT)
            self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
            self.classes = nn.Linear(WIDTH, 2)

        def forward(self, words: Any) -> Any:
            x = self.dropout(self.norm(self.words(words) + self.positions(library.arange(words.shape[1]))))
            for layer in self.layers:
                x = layer(x)
            return self.classes(x[:, 0])

    return Bert()
