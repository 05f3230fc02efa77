//! `sqlx::migrate!` sees the migrations only when it is expanded: a new file must cause that.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
