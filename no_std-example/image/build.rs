//! Links for the board.

fn main() {
    println!("cargo:rustc-link-search={}/../board", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rerun-if-changed=../board/memory.x");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if std::env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
}
