# `make run` runs Crowdesk, `make test` passes its tests; both do all the set-up.
PY := .venv/bin/python
export QT_API := pyside6

.PHONY: run test check bench lock samples screenshots

run:
	@sh setup.sh run
	@$(PY) main.py $(ARGS)

# Two processes, one for each core: pages in browsers and whole programs beside everything else.
test: check
	@export QT_QPA_PLATFORM=offscreen; pages=$$(mktemp); \
	timeout -s KILL 2000 $(PY) -m pytest -q -p no:cacheprovider tests/browser tests/e2e > $$pages 2>&1 & other=$$!; \
	timeout -s KILL 2000 $(PY) -m pytest -q --ignore=tests/browser --ignore=tests/e2e; own=$$?; \
	wait $$other; theirs=$$?; echo "Pages and whole programs:"; cat $$pages; rm -f $$pages; \
	test $$own -eq 0 && test $$theirs -eq 0

# Style, types, walls between the rooms.
check:
	@sh setup.sh test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache

bench:
	@sh setup.sh test
	@for bench in tests/performance/bench_*.py; do QT_QPA_PLATFORM=offscreen PYTHONPATH=. $(PY) $$bench || exit 1; done

# Pins every package with its hashes, and names no registry.
lock:
	@sh setup.sh test
	.tools/bin/uv lock --quiet --no-python-downloads
	.tools/bin/uv export --quiet --no-emit-index-url --no-header --no-annotate --all-groups --format requirements-txt -o requirements.txt >/dev/null

samples:
	@sh setup.sh run
	$(PY) resources/make_samples.py

# Takes the pictures of docs/screenshots anew, from a run with simulated workers, and of each example (six minutes).
screenshots:
	@sh setup.sh test
	PYTHONPATH=. $(PY) tests/e2e/screenshots.py
	PYTHONPATH=. $(PY) -m tests.e2e.screenshots_form
	CROWDESK_SCREENSHOTS=$(CURDIR)/docs/screenshots/examples $(PY) -m pytest -q tests/e2e/test_examples.py
