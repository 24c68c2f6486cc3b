# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors

# Nothing has to be done before any of these. What they fetch or make is kept in ~/.cache/vbox-memory (or $VBOX_MEMORY_CACHE).
.PHONY: help demo report test test-live test-live-balance test-matrix release bench bench-round bench-report bench-live bench-balance-live bench-balance bench-balance-long lint docs checks apart
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: ## ten machines on the real VirtualBox: declared, brought there, read back
	@tests/demo/run

report: ## the report of the demo's machines, as .build/report/vbox-memory.html
	@tests/demo/run --report .build/report

# Most tests wait for a guest's clock rather than for a processor, so four run at once; which files come first is in tests/conftest.py.
test: ## all checks and all tests that need no running machines
	@$(MAKE) --no-print-directory --jobs 2 checks apart
	@VBOX_MEMORY_PYTHONS=ends tests/tools/with test pytest -n 4 --dist loadfile --no-loadscope-reorder --ignore tests/browser tests

# These two run beside each other. The checks do not: each changes what the next one reads.
checks:
	@tests/tools/step lint tests/tools/lint
	@tests/tools/step sanity tests/tools/sanity
	@tests/tools/step package tests/tools/package
	@tests/tools/step docs tests/tools/docs

apart:
	@tests/tools/matrix 2.16.19 2.22.0rc1 ends
	@tests/tools/kept browser tests/tools/with test pytest tests/browser

test-matrix: ## the tests with every ansible-core of requirements/matrix.txt; what has not changed since is not run again
	@tests/tools/matrix

test-live: ## the tests with running machines; not run again while nothing that they depend on has changed
	@tests/tools/kept live tests/tools/with test pytest -m live -n 2 --dist worksteal tests/integration/test_molecule.py tests/live --ignore tests/live/balance

test-live-balance: ## balance, its service and its events with running machines; half an hour to an hour, so not of CI: for who changes balance, and before a release
	@tests/tools/with test pytest -m live -n 2 --dist worksteal tests/live/balance

bench: ## how long things take, with fleets of many sizes
	@tests/bench/run

bench-round: ## what a round of balance over 50 machines takes where there is nothing to do
	@tests/tools/with bench python tests/bench/rounds.py

bench-report: ## how large the report's page is, and how long a browser takes to show, sort and filter it
	@tests/tools/with test python tests/bench/page.py

bench-live: ## a long series of inflations of running guests, and what raw VBoxManage does; several by one task, and one after the other
	@tests/bench/live-several
	@tests/bench/live

bench-balance-live: ## a program that needs what another guest has, on the live host: by balance, VBoxBalloonCtrl and nobody
	@tests/bench/live-balance

bench-balance: ## balance against its peers on a simulated host, with all traces (recorded ones: VBOX_MEMORY_TRACES=FOLDER)
	@tests/tools/with bench python tests/bench/balance/judge.py

bench-balance-long: ## 10,000 simulated host-days with bad guests; goes on where it was ended
	@tests/tools/with bench nice python tests/bench/balance/long.py

release: ## the tarball with its addresses and changelog, the documentation, and Galaxy's importer: VERSION=1.2.3 REPOSITORY=https://…
	@VERSION='$(VERSION)' REPOSITORY='$(REPOSITORY)' DOCUMENTATION='$(DOCUMENTATION)' HOMEPAGE='$(HOMEPAGE)' ISSUES='$(ISSUES)' tests/tools/release

lint: ## the checks that only read
	@tests/tools/lint

docs: ## the documentation site, in .build/docs
	@tests/tools/docs
