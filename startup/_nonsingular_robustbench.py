"""Makes ``import robustbench`` work beside the packages that can be installed today.

robustbench 1.1.1 imports two names that its own dependencies no longer give it:

- ``autoattack``: the package it requires, ``pyautoattack``, is imported under that other name;
- ``pkg_resources``: setuptools removed it in version 82, and a new environment may hold no
  setuptools at all.

A line in ``nonsingular-robustbench.pth`` calls :func:`register` when the interpreter starts. It
adds a finder that answers for two modules only, ``robustbench.eval`` and ``robustbench.loaders``,
and gives them an ``__import__`` of their own. Nothing is put into ``sys.modules`` and no file of
another distribution is changed: for everyone else ``autoattack`` and ``pkg_resources`` are there
or missing as before. Where a real ``autoattack`` is installed, robustbench gets that one.

What works: ``import robustbench``, ``robustbench.load_model`` and the model zoo. What cannot work
without a real ``autoattack``: ``robustbench.benchmark`` for Linf and L2, because it calls
AutoAttack with ``log_path`` and ``bs``, two arguments that pyautoattack 0.2.0 no longer takes;
measure with ``nonsingular bench`` instead.

This file is installed next to the three packages, not inside one of them, so that starting Python
does not import PyTorch. It costs well under a millisecond.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself would be the dearest import of this file
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

MODULES = frozenset({"robustbench.eval", "robustbench.loaders"})
"""The modules of robustbench 1.1.1 that import a name which is not there."""


class PackageResources:
    """The one function of ``pkg_resources`` that robustbench calls."""

    @staticmethod
    def resource_filename(module: str, resource: str) -> str:
        """Path of a file that lies beside an imported module.

        Args:
            module: full name of the module.
            resource: path of the file, relative to the module's folder.
        """
        import os.path

        return os.path.join(os.path.dirname(sys.modules[module].__file__ or ""), resource)  # noqa: PTH118, PTH120


def robustbench_import(
    name: str,
    globals: Mapping[str, object] | None = None,  # noqa: A002 - the signature of __import__
    locals: Mapping[str, object] | None = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType | type[PackageResources]:
    """``__import__`` for :data:`MODULES`: two names are looked up elsewhere, all others as usual.

    Args:
        name: as :func:`__import__`.
        globals: as :func:`__import__`.
        locals: as :func:`__import__`.
        fromlist: as :func:`__import__`.
        level: as :func:`__import__`.

    Raises:
        ImportError: the module, or what stands in for it, is not installed.
    """
    if level == 0 and name == "pkg_resources":
        return PackageResources
    top, dot, rest = name.partition(".")
    if level == 0 and top == "autoattack" and not _is_installed(top):
        name = f"pyautoattack{dot}{rest}"
    return __import__(name, globals, locals, fromlist or (), level)


def _is_installed(package: str) -> bool:
    """Whether a package has code: a folder that merely bears its name has not."""
    from importlib.util import find_spec

    spec = find_spec(package)
    return spec is not None and spec.origin is not None


class Finder:
    """Finds :data:`MODULES` where they would be found anyway and gives them their own imports."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of one of :data:`MODULES`; ``None`` for any other name.

        Args:
            name: full name of the module that is being imported.
            path: search path of its package.
            target: module object that is being reloaded, if any.
        """
        if name not in MODULES:
            return None
        from importlib.machinery import PathFinder, SourceFileLoader

        class Loader(SourceFileLoader):
            def exec_module(self, module: ModuleType) -> None:
                import builtins

                own = vars(builtins) | {"__import__": robustbench_import}
                module.__dict__["__builtins__"] = own
                super().exec_module(module)

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def register() -> None:
    """Put :class:`Finder` in front of the import system, once."""
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)
