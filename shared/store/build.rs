//! Builds again when a migration is added: the embedded ones are found by listing the directory.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
