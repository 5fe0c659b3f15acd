//! Suites and fakes for tests of protocols.
