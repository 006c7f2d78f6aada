"""Stand-ins for packages that compute: modules whose names can be imported, and raise when they are called."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

# The NumPy backend borrows functions from the JAX backend.
PACKAGES = ("tensorflow", "jax", "keras_hub", "keras.src.backend.jax")
# Keras asks the first. Precision depends on GPUs, and shapes do not: a network is described as on a machine without.
ANSWERS: dict[str, Any] = {"executing_eagerly": True, "list_physical_devices": []}


class NeedsTensorFlow(Exception):
    """More than shapes is needed."""


class StandIns(MetaPathFinder, Loader):
    """Finds a stand-in for every module of PACKAGES. `called` is set once one of their names is called."""

    called = False

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        inside = any(f"{name}.".startswith(f"{package}.") for package in PACKAGES)
        return ModuleSpec(name, self, is_package=True) if inside else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(__all__=[], __version__="0")


class _Module(ModuleType):
    def __getattr__(self, name: str) -> "_Name":
        return _Name.of(name)


class _Name(type):
    """A name of a stand-in: a type, so that it may annotate, be a base class, or be asked for by `isinstance`."""

    @classmethod
    def of(cls, name: str) -> "_Name":
        if name.startswith("__"):
            raise AttributeError(name)
        return cls(name, (), {})

    def __getattr__(cls, name: str) -> "_Name":
        return _Name.of(name)

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        if cls.__name__ not in ANSWERS:
            call_of_a_stand_in(cls.__name__)
        return ANSWERS[cls.__name__]


stand_ins = StandIns()


def install() -> None:
    """From now on, imports of PACKAGES find stand-ins."""
    sys.meta_path.insert(0, stand_ins)


def call_of_a_stand_in(name: str) -> NoReturn:
    """Raise NeedsTensorFlow; it is remembered, since whoever called may catch any exception."""
    stand_ins.called = True
    raise NeedsTensorFlow(name)
