"""Operations on an NVIDIA GPU: kernels/ through CuPy."""
