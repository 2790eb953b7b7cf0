"""A small decoder-only transformer, layer norms before each part (Radford et al. 2019)."""

from __future__ import annotations

from typing import Any

SYMBOLS, CONTEXT, WIDTH, HEADS, LAYERS = 65, 64, 128, 4, 4


def gpt(library: Any) -> Any:
    """4 layers, 128 wide, 4 heads, context of 64 among 65 symbols."""
    nn, functional = library.nn, library.nn.functional

    class Attention(nn.Module):  # type: ignore[name-defined, misc]
        """Each position looks at those before it."""

        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
            self.out = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            batch, time, width = x.shape
            parts = self.qkv(x).split(WIDTH, dim=2)
            q, k, v = (part.view(batch, time, HEADS, width // HEADS).transpose(1, 2) for part in parts)
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(batch, time, width))

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        """Attention, then two dense layers."""

        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.attention = nn.LayerNorm(WIDTH), Attention()
            self.norm2, self.wide = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH)
            self.narrow = nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.narrow(functional.gelu(self.wide(self.norm2(x))))

    class GPT(nn.Module):  # type: ignore[name-defined, misc]
        """Scores of the next symbol, a row for each position of each text."""

        def __init__(self) -> None:
            super().__init__()
            self.symbols, self.positions = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(CONTEXT, WIDTH)
            self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
            self.norm = nn.LayerNorm(WIDTH)
            self.head = nn.Linear(WIDTH, SYMBOLS, bias=False)

        def forward(self, symbols: Any) -> Any:
            x = self.symbols(symbols) + self.positions(library.arange(symbols.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x)).view(-1, SYMBOLS)

    return GPT()
