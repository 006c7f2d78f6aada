"""LitServe with the network, as the benchmark says in the environment."""

import os

import lenet
import litserve
import numpy as np

# Seconds that a batch waits for company.
WAIT = 0.002


class Pictures(litserve.LitAPI):
    """{"instances": [picture, ...]} to {"predictions": [probabilities, ...]}."""

    def setup(self, device):
        self.network = lenet.load_chosen()

    def decode_request(self, request):
        return np.asarray(request["instances"], np.uint8).reshape(-1, *lenet.SHAPE)

    def batch(self, inputs):
        self.ends = np.cumsum([len(one) for one in inputs])[:-1]
        return np.concatenate(inputs)

    def predict(self, pictures):
        return self.network.run(pictures)

    def unbatch(self, output):
        return np.split(output, self.ends)

    def encode_response(self, output):
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    rows = int(os.environ["RIVAL_BATCH"])
    workers = int(os.environ["RIVAL_WORKERS"])
    litserve.LitServer(
        Pictures(max_batch_size=rows, batch_timeout=WAIT if rows > 1 else 0.0),
        accelerator="cpu", devices=1, workers_per_device=workers, fast_queue=True,
    ).run(
        host="127.0.0.1", port=int(os.environ["RIVAL_PORT"]), generate_client_file=False, log_level="warning",
        access_log=False,
    )  # fmt: skip
