"""What the heads of detectors decode and learn, one module a head, as functions of plain options and host arrays.

They say what it means, and compute it for backends without kernels of their own; those of a GPU are in kernels/.
A delta is what Darknet calls so: the negative gradient by what the convolution gave.
"""
