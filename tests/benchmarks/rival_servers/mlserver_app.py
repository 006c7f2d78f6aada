"""MLServer with the network, as the benchmark says in the environment."""

import lenet
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Pictures(MLModel):
    """A tensor of pictures to a tensor of probabilities, in the Open Inference Protocol."""

    async def load(self):
        self.network = lenet.load_chosen()
        return True

    async def predict(self, payload):
        pictures = NumpyCodec.decode_input(payload.inputs[0]).reshape(-1, *lenet.SHAPE)
        output = NumpyCodec.encode_output("probabilities", self.network.run(pictures))
        return InferenceResponse(model_name=self.name, outputs=[output])
