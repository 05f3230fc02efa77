//! `sqlx::migrate!` and `include_dir!` see the files of a folder only when they are expanded: a new file
//! must cause that.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=src/public");
}
