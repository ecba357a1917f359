"""Names in pickles of weights and of training frameworks whose calls have no side effects.

None of them is ever imported or called. The list decides which files are accepted: a file that
names anything else would run it in a less careful reader, and is refused.
"""

from __future__ import annotations

from models_zoo.checkpoint.stored import WIDTHS, storage_dtype

_BUILTINS = {
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list"),
    *("object", "range", "set", "slice", "str", "tuple"),
}
_NUMPY = {"multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer"}
_NUMPY_TYPES = {
    *("dtype", "ndarray", "bool", "bool_", "float16", "float32", "float64", "int8", "int16"),
    *("int32", "int64", "uint8", "uint16", "uint32", "uint64", "str_", "bytes_"),
}
_TORCH = {
    *("Size", "device", "dtype", "layout", "strided", "sparse_coo", "sparse_csr", "Tensor"),
    *("per_tensor_affine", "per_channel_affine", "contiguous_format", "channels_last"),
    *("_tensor.Tensor", "_tensor._rebuild_from_type_v2", "serialization._get_layout"),
    *("nn.parameter.Parameter", "nn.parameter.Buffer", "nn.parameter.UninitializedParameter"),
    *("nn.Parameter", "nn.Buffer", "storage.UntypedStorage", "storage.TypedStorage"),
    *("qint8", "quint8", "qint32", "quint4x2", "quint2x4", "float4_e2m1fn_x2"),
    *("bits8", "bits16", "bits1x8", "bits2x4", "bits4x2", "int1", "int2", "int4", "uint4"),
}
_OTHERS = {
    *("collections.OrderedDict", "collections.defaultdict", "collections.Counter"),
    *("collections.deque", "_codecs.encode", "copyreg._reconstructor", "copy_reg._reconstructor"),
    *("argparse.Namespace", "types.SimpleNamespace", "fractions.Fraction", "decimal.Decimal"),
    *("datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta"),
    *("datetime.timezone", "uuid.UUID", "typing.Any", "pathlib.Path", "pathlib.PurePath"),
    *("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath"),
    *("pathlib.PureWindowsPath", "pathlib._local.PosixPath", "pathlib._local.WindowsPath"),
    *("omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig"),
    *("omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata", "omegaconf.nodes.AnyNode"),
    *("omegaconf.nodes.StringNode", "omegaconf.nodes.IntegerNode", "omegaconf.nodes.FloatNode"),
    *("omegaconf.nodes.BooleanNode", "easydict.EasyDict", "yacs.config.CfgNode", "munch.Munch"),
    *("addict.addict.Dict", "ml_collections.config_dict.config_dict.ConfigDict"),
    *("pytorch_lightning.utilities.parsing.AttributeDict",),
    *("lightning.pytorch.utilities.parsing.AttributeDict",),
    *("lightning.fabric.utilities.data.AttributeDict",),
    *("lightning_fabric.utilities.data.AttributeDict",),
    *("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",),
    *("pytorch_lightning.callbacks.early_stopping.EarlyStopping",),
    *("lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint",),
}


def is_inert(name: str) -> bool:
    """Whether a class or function does nothing but hold values.

    Args:
        name: with its module, such as ``"collections.OrderedDict"``.
    """
    home, _, rest = name.partition(".")
    if home == "torch":
        known = rest in _TORCH or rest in WIDTHS or storage_dtype(name) is not None
        return known or rest.startswith("_utils._rebuild_")
    if home in ("builtins", "__builtin__"):
        return rest in _BUILTINS
    if home == "numpy":
        inner = rest.removeprefix("_core.").removeprefix("core.")
        return inner in _NUMPY or rest in _NUMPY_TYPES or _is_numpy_dtype(rest)
    return name in _OTHERS


def _is_numpy_dtype(name: str) -> bool:
    return name.startswith("dtypes.") and name.endswith("DType") and name.count(".") == 1
