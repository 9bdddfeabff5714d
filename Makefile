# SPDX-License-Identifier: Apache-2.0
# The short way in; the build itself is CMake (CMakeLists.txt, CMakePresets.json).
PREFIX ?= /usr/local
T      ?= 60
SECONDS ?= 600

.PHONY: help build run test lanes bench soak install format lint fuzz package clean setup

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: build-release ## Build library, command, guests, tests into build/release

run: build-release ## Show what mote does, on real input, with timings
	scripts/demo

test: build-release ## Run every test that needs no emulator
	ctest --preset release

lanes: build-release ## Run the conformance tests again under an emulated kvm-amd
	ctest --preset lanes

bench: build-release ## Measure; rows in build/bench.json
	build/release/bench/mote_bench build/bench.json

soak: build-release ## Use everything at random for SECONDS (default 600), check every answer, look for leaks
	MOTE_GUEST_DIR=build/release/guests build/release/tests/soak/soak $(SECONDS)

install: build-release ## Install under PREFIX (default /usr/local; DESTDIR is honoured)
	cmake --install build/release --prefix $(abspath $(PREFIX))

format: setup ## Format all C and C++ sources in place
	scripts/sources | xargs clang-format -i

lint: setup ## Check format, clang-tidy, cppcheck
	scripts/lint

fuzz: build-fuzz ## Run every fuzzer for T seconds (default 60)
	scripts/fuzz $(T)

package: build-release ## Make the Debian packages, install and use them in a root that is thrown away
	scripts/deb
	scripts/deb-test

clean: ## Remove everything that was built
	rm -rf build

setup:
	@scripts/setup

# build-PRESET: configure and build one preset of CMakePresets.json.
build-%: setup
	@cmake --preset $* >/dev/null
	@cmake --build --preset $*
