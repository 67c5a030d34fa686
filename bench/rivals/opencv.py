"""OpenCV's DNN module, which reads Darknet's files up to version 4."""

from __future__ import annotations

import cv2

from bench.job import TRAIN, Job, Ready, Unavailable


def prepare(job: Job) -> Ready:
    """Its own backend on the processor."""
    if job.mode == TRAIN:
        raise Unavailable("has no training")
    if not hasattr(cv2.dnn, "readNetFromDarknet"):
        raise Unavailable(f"OpenCV {cv2.__version__} no longer reads Darknet's files")
    cv2.setNumThreads(job.threads)
    net = cv2.dnn.readNetFromDarknet(job.cfg, job.weights)
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    outputs = net.getUnconnectedOutLayersNames()
    pictures = job.pictures(3)

    def work() -> None:
        net.setInput(pictures)
        net.forward(outputs)

    return Ready(cv2.__version__, work)
