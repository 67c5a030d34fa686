"""Networks and weights in the formats of other programs. Only this package knows what a layer is in ONNX."""
