# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors

# Nothing has to be done before any of these. What they fetch or make is kept in ~/.cache/vbox-memory (or $VBOX_MEMORY_CACHE).
.PHONY: help demo test test-live bench bench-live lint docs
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: ## ten machines on the real VirtualBox: declared, brought there, read back
	@tests/demo/run

test: ## all checks and all tests that need no running machines
	@tests/tools/step lint tests/tools/lint
	@tests/tools/step sanity tests/tools/sanity
	@tests/tools/step package tests/tools/package
	@tests/tools/with test pytest -n 2 --dist loadfile tests

test-live: ## the tests with running machines
	@tests/tools/with test pytest -m live -n 2 --dist worksteal tests/integration/test_molecule.py tests/live

bench: ## how long things take, with fleets of many sizes
	@tests/bench/run

bench-live: ## a long series of inflations of running guests, and what raw VBoxManage does
	@tests/bench/live

lint: ## the checks that only read
	@tests/tools/lint

docs: ## the pages of the modules, in .build/docs
	@tests/tools/docs
