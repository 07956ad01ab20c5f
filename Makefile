# `make demo` and `make test` do all their own set-up; `make help` lists the rest.
# `make PYTHON=python3.13 …` uses that Python, in an environment of its own: .venv-3.13.
PYTHON ?= python3
VENV   := .venv
ifeq ($(origin PYTHON),command line)
VENV   := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
endif
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
FUZZ_SECONDS ?= 60
DEVICE ?= cuda
OTHER  := give another one, as in: make demo PYTHON=python3.13
SHORT  := tests/entry tests/host tests/workers tests/server/test_server_lifecycle.py tests/server/test_server_stderr.py \
          tests/faults/test_faults_start.py tests/test_pythons.py
TOOLS  := gcc curl openssl chromium haproxy kubectl nginx prometheus slowhttptest wrk
SUITE  := "not (truth or images or image_gpu)"
TRUTH  := -m 'truth and not calibration'
# These measure what a machine can do, and have it for themselves. Of all others three files run at a time: they mostly wait.
ALONE  := tests/profiling tests/benchmarks tests/command tests/test_api.py tests/deploy/test_deploy_scaling.py
PAIRED := --numprocesses 3 --dist loadfile
# A neighbour on the machine can disturb what measures or waits: what failed runs once more, alone, and then counts. The
# log names it both times. Exit code 1 says that all tests have run.
define pytest
$(BIN)/pytest $(1) || { [ $$? = 1 ] && $(BIN)/pytest $(1) --numprocesses 0 --last-failed --last-failed-no-failures none; }
endef
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
AS_ALL := --constraint images/locks/all.txt

# The tests start many servers; compiling their modules anew each time was a quarter of the CPU (12.3 s against 9.2 s in
# tests/server/test_server_scoring.py).
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo demo-tensorflow test coverage test-short test-pythons test-images test-images-pythons test-image-gpu \
    test-cgroup2 truth truth-plan soak fuzz bench bench-all bench-cpu bench-lock gpu-proof gpu-proof-kit tools lint lock clean

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

install: $(READY)  ## make .venv from the lock and install Plimsoll into it (PYTHON=python3.13: .venv-3.13)

$(READY): images/locks/all.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed: $(OTHER)" >&2; exit 1; }
	@$(PYTHON) runtime/plimsoll/pythons.py
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) cannot make virtual environments: on Debian and Ubuntu, apt install $(notdir $(PYTHON))-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement images/locks/all.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## train a digits classifier, serve it, find out what it needs (about a minute)
	$(BIN)/python entry_scripts/onnx/make_model.py demo/onnx
	$(BIN)/plimsoll --entry-script entry_scripts/onnx/score.py --model-dir demo/onnx/model \
	    --profile demo/onnx/requests.txt --budget quick --output demo/onnx/profile --name digits
	@echo
	@echo 'The report: demo/onnx/profile/profile.html. To serve the same model:'
	@echo '  $(BIN)/plimsoll --entry-script entry_scripts/onnx/score.py --model-dir demo/onnx/model'
	@echo '  head -1 demo/onnx/requests.txt | curl -s -H content-type:application/json --data-binary @- localhost:5001/score'

demo-tensorflow: $(READY)  ## the same with a TensorFlow ResNet-50 that takes JPEG files
	@$(BIN)/python -c 'import importlib.util as i, sys; sys.exit(0 if i.find_spec("tensorflow") else \
	    "TensorFlow 2.21 has no wheels for Python %d.%d: make demo-tensorflow PYTHON=python3.13" % sys.version_info[:2])'
	$(BIN)/python entry_scripts/tensorflow/make_model.py demo/tensorflow
	$(BIN)/plimsoll --entry-script entry_scripts/tensorflow/score.py --model-dir demo/tensorflow/model \
	    --profile demo/tensorflow/requests --budget quick --output demo/tensorflow/profile --name resnet50
	@echo
	@echo 'The report: demo/tensorflow/profile/profile.html. To serve the same model:'
	@echo '  $(BIN)/plimsoll --entry-script entry_scripts/tensorflow/score.py --model-dir demo/tensorflow/model'
	@echo "  curl -s --data-binary @$$(ls demo/tensorflow/requests/*.jpg | head -1) localhost:5001/score | head -c 200"

test: tools lint  ## style, types, and every test
	$(call pytest,-m $(SUITE) $(PAIRED) $(addprefix --ignore=,$(ALONE)))
	$(call pytest,-m $(SUITE) $(ALONE))
	$(call pytest,$(TRUTH))

coverage: tools $(READY)  ## which lines the tests run; they take half as long again with it
	$(BIN)/pytest -m $(SUITE) --cov --cov-report=term:skip-covered

test-short: tools $(READY)  ## the tests that depend most on Python and on the machine (a minute)
	$(call pytest,$(SHORT) $(PAIRED))

test-pythons: $(READY)  ## test-short on every other supported Python of this machine, each in an environment of its own
	$(BIN)/python tests/support/pythons.py

test-images: $(READY)  ## build the CPU images and try them as containers, with Docker or Podman
	$(call pytest,tests/images -m 'images and not images_pythons' --timeout 900)

test-images-pythons: $(READY)  ## the same on bases of the other Pythons, 3.12 and 3.13 (half an hour)
	$(BIN)/pytest tests/images -m 'images and images_pythons' --timeout 900

test-image-gpu: $(READY)  ## build the GPU image whole and try what needs no GPU (several GB, minutes)
	$(BIN)/pytest tests/images -m 'image_gpu and not images_pythons' --timeout 3600

truth: $(READY)  ## profile servers of known cost and print the errors of the answers
	$(BIN)/pytest tests/truth -m truth -s

truth-plan: $(READY)  ## replicas behind HAProxy compared with what `plimsoll plan` says (22 minutes; PLAN='--rounds 1' …: 9)
	PYTHONPATH=tests:tests/truth $(BIN)/python -m plan_table $(PLAN)

test-cgroup2: $(READY)  ## limits under a real cgroup v2, in an emulated machine (6 minutes; installs QEMU with apt)
	tests/cgroup2/run.sh

tools:
	@# Debian keeps nginx in /usr/sbin, which not everybody has on the PATH.
	@PATH="$$PATH:/usr/sbin"; for tool in $(TOOLS); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; [ -z "$$missing" ] || \
	    { echo "the tests need$$missing: on Debian and Ubuntu, apt install$$missing libc6-dev (kubectl is in kubernetes-client)" >&2; exit 1; }

fuzz: $(READY)  ## atheris on frames and parser, FUZZ_SECONDS=60 each; finds go to tests/http/seeds (Python 3.11 to 3.13)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --target build/fuzz 'atheris>=3,<4'
	for part in frames parser; do mkdir -p build/fuzz-$$part && PYTHONPATH=build/fuzz:tests:tests/http \
	    $(BIN)/python tests/http/fuzz_$$part.py -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
	    -artifact_prefix=tests/http/seeds/$$part/ build/fuzz-$$part tests/http/seeds/$$part || exit 1; done

soak: $(READY)  ## 10^6 requests through faults of every kind (SOAK='--seconds 600 --seed 7' …; docs/faults.md)
	PYTHONPATH=tests $(BIN)/python -m storm $(SOAK)

bench: $(READY)  ## Plimsoll beside the servers it is most compared with: about 17 minutes (BENCH='--rounds 5' …; docs/benchmarks.md)
	$(BIN)/python -m benchmarks $(BENCH)

bench-all: $(READY)  ## the same with every server and every workload: about an hour and a half
	$(BIN)/python -m benchmarks --all $(BENCH)

bench-cpu: $(READY)  ## where the CPU of an echo goes, in front and worker, by module and function (CPU='--workload digits')
	$(BIN)/python -m benchmarks.cpu $(CPU)

gpu-proof: $(READY)  ## everything that is claimed of GPUs, on this one: at most 9 minutes (DEVICE=cpu rehearses; PROOF='--only nvml')
	$(BIN)/python -m benchmarks.gpu --device $(DEVICE) $(PROOF)

gpu-proof-kit: $(READY)  ## pack the same for a GPU machine without a network: build/gpu-proof-kit
	$(BIN)/python -m benchmarks.gpu.kit

bench-lock: $(READY)  ## resolve the versions of the other servers anew, from their requirements.in
	$(BIN)/pip install --quiet uv
	for peer in benchmarks/peers/*/requirements.in; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	    --upgrade --no-annotate --no-header $$peer --output-file $${peer%.in}.txt || exit 1; done

lint: $(READY)  ## style, types and the direction of imports
	$(BIN)/ruff check runtime tests entry_scripts examples benchmarks images
	$(BIN)/ruff format --check runtime tests entry_scripts examples benchmarks images
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:  ## resolve all dependencies anew and write the hashed lock
	$(BIN)/pip install --quiet uv
	$(COMPILE) --upgrade --override images/locks/tensorflow.in \
	    --extra onnx --extra tensorflow --extra sklearn --extra examples --extra parquet --extra tracing --extra test --extra bench \
	    pyproject.toml images/locks/build.in images/locks/common.in --output-file images/locks/all.txt
	$(COMPILE) $(AS_ALL) images/locks/build.in --output-file images/locks/build.txt
	$(COMPILE) $(AS_ALL) pyproject.toml --output-file images/locks/slim.txt
	$(COMPILE) $(AS_ALL) --extra onnx --extra tensorflow --extra sklearn pyproject.toml --output-file images/locks/cpu.txt
	$(COMPILE) $(AS_ALL) --extra gpu --extra sklearn pyproject.toml images/locks/gpu.in --output-file images/locks/gpu.txt

clean:  ## remove everything that the other targets made
	rm -rf .venv .venv-* demo build/cgroup2 build/fuzz* build/bench .coverage* .pytest_cache .mypy_cache .ruff_cache
