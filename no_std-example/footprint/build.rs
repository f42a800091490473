//! Links without a start-up crate: what is measured is the program alone.

fn main() {
    println!("cargo:rustc-link-arg-bins=-T{}/link.x", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rerun-if-changed=link.x");
}
