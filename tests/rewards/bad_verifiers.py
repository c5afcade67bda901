"""Verifiers that misbehave as their reference says."""

import os
import time

from megatron_qm.rewards.outcome import Scored


def bad(prompt, response, reference, metadata):
    if reference == "hang":
        time.sleep(3600)
    if reference == "crash":
        os._exit(11)
    if reference == "memory":
        return Scored(float(len(bytearray(1 << 40)) > 0))
    if reference == "nan":
        return Scored(float("nan"))
    if reference == "raise":
        raise KeyError("no such thing")
    if reference == "none":
        return None
    return Scored(float(reference))


def gullible(prompt, response, reference, metadata):
    return Scored(float(reference in response))
