"""Ctrl-C is delayed until a step has ended, and never lost."""

import os
import signal

import pytest


def test_it_takes_effect_at_the_end_of_the_step() -> None:
    from suite.training import interruption

    reached = []

    def train() -> None:
        with interruption.between_steps() as stop:
            stop.on_train_batch_end(0)
            os.kill(os.getpid(), signal.SIGINT)
            reached.append("rest of the step")
            stop.on_train_batch_end(1)
            reached.append("next step")

    with pytest.raises(KeyboardInterrupt):
        train()
    assert reached == ["rest of the step"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_is_not_lost_where_no_step_follows() -> None:
    from suite.training import interruption

    with pytest.raises(KeyboardInterrupt), interruption.between_steps():
        os.kill(os.getpid(), signal.SIGINT)


def test_another_signal_handler_is_kept() -> None:
    from suite.training import interruption

    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with interruption.between_steps() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            stop.on_train_batch_end(0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
