# make chat     talk to the Guppy that comes along: no training, no PyTorch
# make fish     from the text files in personas/guppy to a chat with a trained fish; somebody else: make fish PERSONA=personas/pirate
# make release  the same with five times as many updates (hours on two cores), put in the place of the Guppy that comes along
# make test     every check; the engines that are not installed are skipped
# make page     build the web page (needs Node 20 or later), and open the tank of the fish in runs/guppy; of another run: make page RUN=runs/pirate
# make engines  install llama.cpp (compiled), CTranslate2, mlx-lm and an old transformers, and test the exports there; CI does both
# make notebooks   run the notebooks with few updates, as CI does, and print how long each takes
# make faults   kill, starve and spoil a training in a hundred ways, and count what is lost; a few minutes
# All make a virtual environment in .venv first; nothing outside this folder is touched.

PYTHON ?= python3
PERSONA ?= personas/guppy
RUN    ?= runs/$(notdir $(PERSONA))
PRESET ?= cpu
GUPPY  := .venv/bin/guppylm
PIP     := .venv/bin/python -m pip install --quiet --disable-pip-version-check
INSTALL := $(PIP) -c constraints.txt

.PHONY: chat fish release page test engines notebooks faults lint clean

chat: .venv/with-chat
	$(GUPPY) chat --model guppylm/guppy

fish: .venv/with-train
	$(GUPPY) train $(PERSONA) -o $(RUN) --preset $(PRESET)
	@if [ -t 0 ] && [ -t 1 ]; then $(GUPPY) chat --model $(RUN); else $(GUPPY) chat --model $(RUN) --examples; fi

release: .venv/with-train
	$(GUPPY) train personas/guppy -o runs/release --preset release
	$(GUPPY) export runs/release --to onnx-8bit -o guppylm/guppy
	cp runs/release/report.json runs/release/README.md guppylm/guppy

page: .venv/with-train web/dist/app.js
	$(GUPPY) page $(RUN)

test: .venv/with-dev lint
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 2  # two processes, so one thread each

engines: .venv/with-engines
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest tests/test_engines.py

notebooks: .venv/with-notebooks  # the copies in docs/notebooks come from a longer training: build.py --run
	GUPPYLM_PRESET=quick GUPPYLM_KNOBS="steps=20 batch=32 conversations=1000 held_out=100" \
	    .venv/bin/python notebooks/build.py --run --to build/notebooks

faults: .venv/with-dev
	.venv/bin/python tests/fault_harness.py

lint: .venv/with-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	$(GUPPY) check personas/guppy
	$(GUPPY) check personas/pirate

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "guppylm needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/with-chat: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e .
	@touch $@

.venv/with-train: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing into .venv (PyTorch is a few hundred MB; a minute or two)"
	$(INSTALL) -e '.[train]'
	@touch $@

.venv/with-dev: .venv/with-train
	$(INSTALL) -e '.[train,dev]'
	@touch $@

.venv/with-notebooks: .venv/with-train
	$(INSTALL) -e '.[train,notebooks]'
	@touch $@

# AMX off: compiled with GCC 12, llama.cpp crashes on 8-bit files where the processor has it.
NO_AMX := $(if $(filter x86_64,$(shell uname -m)),-mno-amx-tile -mno-amx-int8 -mno-amx-bf16)

.venv/with-engines: .venv/with-dev
	@echo "compiling llama.cpp: some minutes"
	CMAKE_ARGS="-DCMAKE_C_FLAGS='$(NO_AMX)' -DCMAKE_CXX_FLAGS='$(NO_AMX)'" $(INSTALL) -e '.[train,dev,export,mlx,llama]'
	$(PIP) --no-deps --upgrade --target .venv/oldest-transformers \
	    transformers==4.57.6 tokenizers==0.22.2 huggingface_hub==0.36.2
	@touch $@

web/node_modules/with-all: web/package-lock.json
	@command -v npm > /dev/null || { echo "the page is built with Node 20 or later: https://nodejs.org"; exit 1; }
	cd web && npm ci
	@touch $@

web/dist/app.js: web/node_modules/with-all web/build.mjs $(shell find web/src -type f)
	cd web && npm run build

clean:
	rm -rf .venv web/node_modules web/dist
