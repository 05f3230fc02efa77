//! What is fuzzed: functions of bytes that panic where something is wrong.
//!
//! `fuzz/` gives them to libFuzzer. [`replay`] runs them on the corpus and on mutations of it with
//! nothing but the stable toolchain.

mod alarms;
pub mod attributes;
pub mod frames;
pub mod replay;
