//! Attacks of strangers and of clients, by raw frames and raw HTTP: what each takes of the server's
//! memory, of its time, and of those who do nothing wrong, and that it is over when the attacker is.
//! `SECURITY.md` says which threat each answers.
//!
//! They run in a bounded form, with short time limits and some hundred attackers. In full, with the
//! default limits, thousands of attackers, and what was measured:
//!
//! ```sh
//! ABUSE=full cargo test --release -p tests --test abuse -- --nocapture --test-threads=1
//! ```
//!
//! With `--features jemalloc`, which needs a C compiler, the server has the demo's other allocator, and must
//! then be as small afterwards as before, to ten megabytes, whatever was done to it.

mod advisories;
mod all;
mod attack;
mod http;
mod joined;
mod packets;
mod sessions;

pub(crate) use attack::{
    Attack, GIVEN_BACK, GIVES_BACK, KEPT, LATE, TimeLimit, fixture, is_full, size, start,
};

/// Makes a test of each attack, named after what is shown by it.
macro_rules! withstood {
    ($($test:ident: $attack:expr),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            $attack.is_withstood().await;
        })*

        /// All attacks of this file.
        pub(crate) const ALL: &[&crate::Attack] = &[$(&$attack),*];
    };
}
pub(crate) use withstood;

/// What the server keeps of all sessions that have not joined a namespace, in bytes.
pub(crate) const UNJOINED_BYTES: u64 = 32 * 1024 * 1024;

/// For a session to join a namespace, and for its client to be authenticated.
pub(crate) const JOIN: TimeLimit = TimeLimit::new("CONNECT_TIMEOUT_MS", 2_000, 10_000);
pub(crate) const AUTHENTICATE: TimeLimit =
    TimeLimit::new("AUTHENTICATION_TIMEOUT_MS", 1_000, 10_000);
