"""What maps a series: a prepared network, or several whose mean is the map."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """Prepared networks: map series (B, F, T, H, W) to the probability of glacier (B, H, W)."""

    backend: str
    """ "torch" or "openvino"."""
    precision: str
    """ "float32", "tf32", "bf16" or "fp16": of the convolutions; what goes in and comes out is float32."""
    device: str
    """ "cpu" or "cuda:0"."""
    run: Run
    """Gives the probability (B, H, W); of several networks their mean and their spread, (B, 2, H, W)."""
    compiled: bool = False
    members: int = 1
    """Networks."""

    @property
    def on_gpu(self) -> bool:
        """Whether the CPU is free while it maps."""
        return self.device.startswith("cuda")

    def __call__(self, series: Tensor) -> Tensor:
        found = self.run(series)
        return found[:, 0] if self.members > 1 else found

    def planes(self, series: Tensor) -> Tensor:
        """Map series to all that is written of them: (B, 1, H, W), of several networks (B, 2, H, W) with the spread."""
        found = self.run(series)
        return found if self.members > 1 else found[:, None]

    def __str__(self) -> str:
        how = f"{self.backend}, {'compiled, ' * self.compiled}{self.precision}, on {self.device}"
        return how if self.members == 1 else f"{how}, mean of {self.members} networks"
