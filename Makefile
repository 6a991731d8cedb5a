# Everything happens in .venv; Python 3.11 or later is all that is needed beforehand.
PYTHON ?= python3
BIN := .venv/bin
# Three test processes: while one waits for a site or a meter, others work. Each takes whole files, in the order of
# tests/tiers.py, so that a fixture of a module is made once. `make test TOGETHER=` runs one process.
TOGETHER ?= -n 3 --dist loadfile --no-loadscope-reorder

# A site is a dozen processes of Python, and each measurement one more. Where the environment forbids to keep what is
# compiled, each compiles all that it imports, which is two thirds of the processor time of its start.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test check bench images pins screenshots format architectures clean

help:
	@echo "make run    set up and serve the leaderboard on http://127.0.0.1:8000 (PORT=… for another)"
	@echo "make test   set up and run every test (TIER=fast for the quick ones)"
	@echo "make check  linters, types, import contracts"
	@echo "make bench  measure speed and the meter's accuracy, and print tables"
	@echo "make images build both images without Docker, step by step, and start what they start (as root)"
	@echo "make pins   pin what the images install (ARGS=--upgrade for new versions)"

# A stamp for each set of packages, renewed when pyproject.toml changes. Python compiles what it imports; compiling all
# of the packages beforehand, torch's among them, is two fifths of pip's processor time.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; name another: make run PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/.run: pyproject.toml | .venv/bin/python
	@echo "Installing (a minute or two, torch is large) …"
	$(BIN)/pip install --quiet --no-compile --editable '.[worker]'
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	@echo "Installing (a minute or two, torch is large) …"
	$(BIN)/pip install --quiet --no-compile --editable '.[worker,dev]'
	@touch .venv/.run $@

.venv/.bench: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --no-compile --editable '.[worker,dev,bench]'
	@touch .venv/.run .venv/.dev $@

run: .venv/.run
	@exec $(BIN)/python manage.py up

test: .venv/.dev
	@$(BIN)/python -m tests.chromium
ifdef TIER
	$(BIN)/python -m pytest -m "$(TIER)" $(TOGETHER) $(ARGS)
else
	$(BIN)/python -m pytest $(TOGETHER) $(ARGS)
	TEST_DATABASE=postgresql $(BIN)/python -m pytest -m django_db $(TOGETHER) $(ARGS)
endif

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	DATA_ROOT=.data $(BIN)/python manage.py check --fail-level WARNING
	# As in production: the key guards nothing.
	DATA_ROOT=.data HTTPS=true ALLOWED_HOSTS=site.example SITE_URL=https://site.example \
		SECRET_KEY=of-no-use-outside-this-check-0123456789-abcdefghijklmnop $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec $$(git ls-files 'compose*.yaml')
	$(BIN)/kubernetes-validate --strict --quiet --no-warn deploy/kubernetes/[!k]*.yaml  # kustomization.yaml has no schema there
	$(BIN)/python -m deploy.linters
	# What only looks like a secret is in the baseline. To renew it: python -m detect_secrets scan --disable-plugin KeywordDetector --disable-plugin HexHighEntropyString … > .secrets.baseline (SHA-256 of files are no secrets)
	$(BIN)/python -m detect_secrets.pre_commit_hook --baseline .secrets.baseline \
		$$(git ls-files ':!catalogue' ':!deploy/requirements' ':!docs/openapi.yaml' ':!docs/images' ':!*.csv' ':!*.ipynb')
	$(BIN)/python -m deploy.pins check
	$(BIN)/python -m deploy.pins audit

bench: .venv/.bench
	$(BIN)/python -m bench

# IMAGES=web for one of them; what is downloaded and built is kept in build/images.
images: .venv/.dev
	$(BIN)/python -m deploy.images $(IMAGES)

pins: .venv/.dev
	$(BIN)/python -m deploy.pins write $(ARGS)

screenshots: .venv/.dev
	SCREENSHOTS=1 $(BIN)/python -m pytest tests/live/test_first_run.py
	cp build/screenshots/leaderboard-1280-light.png docs/images/leaderboard.png

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

architectures: .venv/.dev
	$(BIN)/python -c 'import timm; print("\n".join(sorted(timm.list_models())))' > measurement/architectures.txt

clean:
	rm -rf .venv build dist *.egg-info
