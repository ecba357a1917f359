"""Properties of ATen operations on which roles depend."""

from __future__ import annotations

LINEAR: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            *("mm", "bmm", "mv", "dot", "vdot", "matmul", "linear", "_int_mm", "_scaled_mm"),
            *("convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution"),
            *("cudnn_convolution", "cudnn_convolution_relu", "miopen_convolution"),
            *("cudnn_convolution_transpose", "miopen_convolution_transpose", "_conv_depthwise2d"),
            *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"),
            *("conv_transpose3d", "_slow_conv2d_forward", "slow_conv3d_forward", "thnn_conv2d"),
            *("mkldnn_linear", "_sparse_mm", "_weight_int8pack_mm", "_weight_int4pack_mm"),
            *("_cdist_forward", "_euclidean_dist", "tensordot", "inner", "kron", "_grouped_mm"),
        ),
        (0, 1),
    ),
    **dict.fromkeys(
        ("addmm", "addbmm", "baddbmm", "addmv", "addr", "_addmm_activation", "_sparse_addmm"),
        (1, 2),
    ),
    "sparse_sampled_addmm": (1, 2),
    **dict.fromkeys(
        (
            *("_trilinear", "bilinear", "scaled_dot_product_attention"),
            *("_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention"),
            *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_attention_math"),
            *(
                "_scaled_dot_product_cudnn_attention",
                "_scaled_dot_product_fused_attention_overrideable",
            ),
        ),
        (0, 1, 2),
    ),
}
"""Linear maps, with the positions of the operands that are multiplied; those
that are added, such as biases, are left out."""

FUSED = frozenset(
    (
        *("mkldnn_rnn_layer", "_cudnn_rnn", "miopen_rnn", "lstm", "gru", "rnn_tanh", "rnn_relu"),
        *("_native_multi_head_attention", "_transformer_encoder_layer_fwd", "lstm_cell"),
        *("_thnn_fused_lstm_cell", "_thnn_fused_gru_cell", "quantized_lstm", "quantized_gru"),
    )
)
"""Whole layers in one operation: every operand of two or more dimensions is multiplied."""

NORMALIZING: dict[str, tuple[int, int]] = {
    "native_layer_norm": (2, 3),
    "layer_norm": (2, 3),
    "native_group_norm": (1, 2),
    "group_norm": (2, 3),
    "rms_norm": (2, 2),
    "_fused_rms_norm": (2, 2),
    **dict.fromkeys(
        (
            *("native_batch_norm", "batch_norm", "instance_norm", "cudnn_batch_norm"),
            *("miopen_batch_norm", "_native_batch_norm_legit", "_batch_norm_with_update"),
            *("_native_batch_norm_legit_no_training", "_batch_norm_no_update"),
            *("_native_batch_norm_legit_functional", "_batch_norm_impl_index"),
            *("_batch_norm_with_update_functional", "native_batch_norm_legit_no_stats"),
        ),
        (1, 2),
    ),
}
"""Normalizations, with the positions of their gain and their shift."""

REDUCING = frozenset(
    (
        *("mean", "sum", "var", "std", "var_mean", "std_mean", "norm", "linalg_vector_norm"),
        *("amax", "amin", "max", "min", "aminmax", "median", "nanmean", "nansum", "prod"),
        *("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d", "avg_pool2d"),
        *("avg_pool3d", "avg_pool1d", "mkldnn_adaptive_avg_pool2d", "linalg_norm", "trace"),
        *("linalg_matrix_norm", "renorm", "nuclear_norm"),
    )
)
"""Statistics of their operand, where that depends on the images."""

SUMMING = frozenset(("sum", "mean", "nansum", "nanmean", "cumsum"))
"""Reductions that make a linear map of a product."""

ROOTS = frozenset(("sqrt", "rsqrt"))
POWERS = frozenset(("pow", "float_power"))
"""With :data:`ROOTS`, the operations that turn a variance into a deviation."""

INVERTING = frozenset(("rsqrt", "reciprocal", "exp"))

STATISTICAL = (
    ROOTS
    | POWERS
    | {
        "reciprocal",
        *("abs", "square", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "neg", "exp"),
        *("log", "log2", "where", "cat", "stack"),
    }
)
"""Elementwise operations: statistics stay statistics."""

VALUE_PRESERVING = frozenset(
    (
        *("view", "_unsafe_view", "reshape", "_reshape_alias", "permute", "transpose", "t"),
        *("unsqueeze", "squeeze", "expand", "repeat", "select", "slice", "narrow", "split"),
        *("split_with_sizes", "chunk", "unbind", "flatten", "unflatten", "movedim", "as_strided"),
        *("clone", "detach", "alias", "_to_copy", "to", "contiguous", "lift_fresh", "dropout"),
        *("view_as", "expand_as", "flip", "roll", "native_dropout", "copy", "unfold", "diagonal"),
        *("_conj", "view_as_real", "view_as_complex", "dequantize", "quantize_per_tensor"),
        *("repeat_interleave", "tile", "swapaxes", "mT", "_fw_primal", "lift", "numpy_T"),
        *("convert_element_type", "squeeze_copy", "permute_copy", "ravel"),
        *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "constant_pad_nd"),
        *("detach_copy", "alias_copy", "type_as", "requires_grad_"),
    )
)
"""Operations that return the same numbers in another shape or type."""

MULTIPLYING = frozenset(("mul", "multiply"))
DIVIDING = frozenset(("div", "divide", "true_divide"))
ADDING = frozenset(("add", "sub", "rsub", "subtract"))
BOUNDING = frozenset(("maximum", "minimum", "clamp", "clamp_min", "clamp_max", "fmax", "fmin"))

DRAWING = frozenset(
    (
        "rand",
        "randn",
        "randint",
        "normal",
        "bernoulli",
        "rand_like",
        "randn_like",
        "normal_functional",
    )
)
"""Operations that draw random numbers."""

LOOKUPS = frozenset(
    ("embedding", "_embedding_bag", "embedding_bag", "index", "index_select", "gather")
)
"""Rows of a table, chosen by numbers that depend on the images."""

CUTTING = frozenset(
    (
        *("select", "slice", "narrow", "split", "split_with_sizes", "chunk", "unbind"),
        *("index", "index_select", "gather", "as_strided", "diagonal"),
    )
)
"""Operations that return a part of their operand."""
