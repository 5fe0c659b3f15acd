# The commands of the README. Each installs what it needs first.

.PHONY: help demo demo-stop test e2e soak setup verifier

help:
	@echo 'make demo         a guided tour with a real PostgreSQL (KEEP=1 leaves it running)'
	@echo 'make demo-stop    ends a demo that was left running'
	@echo 'make test         everything that must pass: format, lints, unit tests, docs, end to end'
	@echo 'make e2e          the end-to-end tests alone (E2E="-k psql" narrows them)'
	@echo 'make soak         the long forms of the end-to-end tests'
	@echo 'make verifier     portreeve-verify as one static binary, for auditors'

demo:
	@scripts/setup.sh demo
	@scripts/cargo.sh build --release -p portreeve
	@KEEP='$(KEEP)' demo/run.sh

demo-stop:
	@demo/run.sh stop

test:
	@scripts/test.sh all

e2e:
	@scripts/test.sh e2e $(E2E)

soak:
	@scripts/test.sh soak $(E2E)

setup:
	@scripts/setup.sh test

# Static, so that it runs on any Linux of this processor; nothing that writes a log is in it.
HOST = $(shell $(or $(shell command -v rustc),$(HOME)/.cargo/bin/rustc) -vV | sed -n 's/^host: //p')
verifier:
	@scripts/setup.sh demo
	@RUSTFLAGS='-C target-feature=+crt-static -C strip=symbols' \
		scripts/cargo.sh build --release -p portreeve-verifier --target $(HOST)
	@ls -l target/$(HOST)/release/portreeve-verify
