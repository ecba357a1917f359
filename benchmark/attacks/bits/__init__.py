"""Attacks on the stored bits of quantized weights: random errors and chosen flips."""

from benchmark.attacks.bits.errors import ErrorPattern, draw_bits, draw_pattern
from benchmark.attacks.bits.quantization import Flip, QuantizedWeights, quantize
from benchmark.attacks.bits.search import BitFlips, flip_bits

__all__ = [
    "BitFlips",
    "ErrorPattern",
    "Flip",
    "QuantizedWeights",
    "draw_bits",
    "draw_pattern",
    "flip_bits",
    "quantize",
]
