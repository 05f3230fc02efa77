//! What a server costs, read from outside its process.

pub(crate) mod callgrind;
pub(crate) mod process;
pub(crate) mod syscalls;
