"""What is said of networks without TensorFlow is what TensorFlow says of them."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, astuple
from typing import Any

from suite import domain as registry

NUMBER = re.compile(r"_\d+\b")


def descriptions() -> dict[str, Any]:
    """Every block and every domain's network: layers, parameters, multiply-adds and hyperparameters."""
    import keras
    from keras_tuner import HyperParameters

    from suite import catalogue
    from suite.training import architecture
    from suite.training.data import PreparedData
    from tuning import space

    networks = {}
    for block in catalogue.BLOCKS:
        hp = HyperParameters()
        hp.values.update(block.on)
        networks[block.name] = hp, block.make(hp)
    for name in registry.names():
        domain = registry.get(name)
        dataset = domain.example()
        prepared = PreparedData.of(domain, dataset, domain.adapt(dataset), {})
        hp = HyperParameters()
        networks[name] = hp, domain.build(hp, prepared.preprocessing, prepared.head)
    described = {}
    for name, (hp, model) in networks.items():
        dimensions = [asdict(dimension) | {"item": None} for dimension in space.dimensions(hp)]
        described[name] = [dimensions, hp.values]
        if isinstance(model, keras.Model):
            # Keras numbers layers without a name in the order of their creation in this process.
            layers = [
                [NUMBER.sub("", part) for part in map(str, astuple(layer))] for layer in architecture.layers(model)
            ]
            described[name] += [layers, model.count_params(), architecture.multiply_adds(model)]
    return described


def without_tensorflow(script: str) -> Any:
    """The last line that a script prints, in a process that has not imported TensorFlow."""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_blocks_and_networks_are_the_same_without_tensorflow() -> None:
    script = """
import json, sys
from suite.shapes_only import backend, stand_ins
backend.load()
from tests.suite.test_shapes_only import descriptions
print(json.dumps([descriptions(), stand_ins.stand_ins.called]))
"""
    found, called = without_tensorflow(script)
    assert not called
    expected = json.loads(json.dumps(descriptions()))
    assert list(found) == list(expected)
    for name, description in expected.items():
        assert found[name] == description, name


def test_what_needs_tensorflow_is_described_with_it() -> None:
    script = """
import json, sys
from types import SimpleNamespace
from suite.errors import SuiteError
from suite.shapes_only.describe import described

loaded = []

def load():
    loaded.append("loaded")
    sys.modules["tensorflow"] = SimpleNamespace(constant=float)

def refuse():
    raise SuiteError(f"refused, {loaded}")

def compute():
    import tensorflow as tf
    try:
        return tf.constant(1)
    except Exception:
        return "never mind"

results = []
try:
    described(refuse, load)
except SuiteError as error:
    results.append(str(error))
results += [described(compute, load), loaded]
print(json.dumps(results))
"""
    assert without_tensorflow(script) == ["refused, []", 1.0, ["loaded"]]
