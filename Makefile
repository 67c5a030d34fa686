# make demo    draws a small set of pictures, trains a detector on it, evaluates it and tests it on a picture
# make test    lint, types and the quick tests;  make test-slow: the others;  make format: rewrite the layout
PYTHON ?= python3
BIN := .venv/bin
CV2 := opencv-python-headless

.PHONY: demo test test-slow match bench bench-rivals test-gpu bench-gpu mutate-kernels lint format clean

demo: .venv/core
	$(BIN)/python -m darknet_py.data.shapes demo
	$(BIN)/darknet_py detector train demo/shapes.data cfg/shapes.cfg -clear -map -mAP_epochs 6.5
	$(BIN)/darknet_py detector map demo/shapes.data cfg/shapes.cfg demo/backup/shapes_final.weights
	$(BIN)/darknet_py detector test demo/shapes.data cfg/shapes.cfg demo/backup/shapes_final.weights \
		demo/example.jpg -dont_show
	@echo "See the chart demo/backup/chart_shapes.png, the picture predictions.jpg and what is in demo/backup."

test: lint
	$(BIN)/python -m pytest -m "not slow and not match"

test-slow: .venv/dev
	$(BIN)/python -m pytest -m slow

# A hundred games of Go against GNU Go, which has to be installed (Debian: apt-get install gnugo)
match: .venv/dev
	$(BIN)/python -m pytest -m match

# The tables of docs/performance.md. DARKNET: a Darknet program; MODELS: folders with more cfgs and weights; SET: a folder
# with a .data file; CLIPS: videos. Each may be left out, and so may the programs that `make bench-rivals` installs.
bench: | .venv/core
	$(BIN)/python -m bench.compare $(and $(DARKNET),-darknet $(DARKNET)) $(and $(MODELS),-models $(MODELS))
	$(BIN)/python -m bench.startup $(and $(DARKNET),-darknet $(DARKNET)) $(and $(MODELS),-models $(MODELS)) \
		$(and $(SET),-set $(SET))
	$(BIN)/python -m bench.demo $(CLIPS) $(and $(MODELS),-models $(MODELS))
	$(BIN)/python -m bench.memory $(and $(MODELS),-models $(MODELS))
	$(BIN)/python -m bench.growth

bench-rivals: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--extra-index-url https://download.pytorch.org/whl/cpu -e ".[bench]"

# On a machine with an NVIDIA GPU and CuPy (see docs/cuda.md): the tests of the kernels there; their speed, and that of
# NETWORKS, in gpu-report.json
test-gpu: .venv/dev
	DARKNET_PY_GPU=1 $(BIN)/python -m pytest -W "ignore:::cupy" tests/ops/test_cuda.py tests/ops/test_launch.py \
		tests/ops/test_uploads.py tests/ops/test_graphs.py tests/ops/test_cublas.py tests/ops/test_half.py tests/layers/test_cuda_heads.py \
		tests/train/test_cuda.py tests/train/test_replicas.py tests/ops/test_peers.py

NETWORKS ?= cfg/yolov3.cfg cfg/yolov4.cfg cfg/yolov4-tiny.cfg
bench-gpu: .venv/core
	$(BIN)/python -m bench.gpu $(NETWORKS)

# Plants bugs in the CUDA kernels and says which ones the tests see: half an hour
mutate-kernels: .venv/dev
	$(BIN)/python -m tests.emulation.mutations

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build dist *.egg-info

# Where opencv-python can't be imported (a server without the GL libraries), the headless build takes its place.
.venv/core: pyproject.toml setup.py $(wildcard kernels/cpu/*)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@$(BIN)/python -c "import cv2" 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(CV2)
	@touch $@

.venv/dev: pyproject.toml setup.py $(wildcard kernels/cpu/*)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@$(BIN)/python -c "import cv2" 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$(CV2)<5"
	@touch .venv/core $@
