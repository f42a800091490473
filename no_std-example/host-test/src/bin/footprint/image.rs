//! A program, built and taken apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

/// What the compiler brings for copying, filling and comparing bytes. Most programs have it anyway.
const COPYING: [&str; 5] = ["memcpy", "memmove", "memset", "memclr", "memcmp"];

/// What is known of a built program.
pub struct Image {
    /// Bytes of code and constants.
    pub flash: u64,
    /// Those of them that copy, fill and compare bytes.
    pub copying: u64,
    /// Functions of `core::panicking`.
    pub panics: u64,
    sizes: BTreeMap<String, u64>,
}

/// What the names of these functions have in them.
const PANICKING: &str = "core9panicking";
/// The compiler writes a call of this into every `async fn`, for whoever polls it after its end. It calls one more function.
const RESUMED: &str = "async_fn_resumed";
const OF_ASYNC: usize = 2;

impl Image {
    /// Builds the program `name` for `target`.
    pub fn build(name: &str, features: &str, target: &str) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../footprint");
        let status = Command::new("cargo")
            .current_dir(&folder)
            .args([
                "build",
                "--release",
                "--locked",
                "--quiet",
                "--target",
                target,
                "--bin",
                name,
                "--features",
                features,
            ])
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR")
            .status()
            .map_err(|error| format!("cargo: {error}"))?;
        if !status.success() {
            return Err(format!("{name} with {features:?} doesn't build for {target}"));
        }
        let file = folder.join("target").join(target).join("release").join(name);
        let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::parse(&bytes).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn parse(bytes: &[u8]) -> object::Result<Self> {
        let file = object::File::parse(bytes)?;
        let is_flash =
            |kind| matches!(kind, SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::ReadOnlyString);
        let flash = file.sections().filter(|section| is_flash(section.kind())).map(|section| section.size()).sum();
        let named: Vec<_> = file
            .symbols()
            .filter_map(|symbol| symbol.name().ok().map(|name| (symbol.address(), symbol.size(), name)))
            .collect();
        let is_copying = |name: &str| COPYING.iter().any(|part| name.contains(part));
        // Several names may stand for one place.
        let copying: BTreeMap<_, _> =
            named.iter().filter(|(_, _, name)| is_copying(name)).map(|(address, size, _)| (*address, *size)).collect();
        let panics = named.iter().filter(|(_, _, name)| name.contains(PANICKING)).count();
        let is_async = named.iter().any(|(_, _, name)| name.contains(PANICKING) && name.contains(RESUMED));
        let panics = panics - if is_async { OF_ASYNC } else { 0 };
        let sizes = named.iter().map(|(_, size, name)| ((*name).to_owned(), *size)).collect();
        Ok(Self { flash, copying: copying.values().sum(), panics: panics as u64, sizes })
    }

    /// The size of what has this name.
    pub fn size_of(&self, name: &str) -> Option<u64> {
        self.sizes.iter().find(|(symbol, _)| symbol.contains(name)).map(|(_, size)| *size)
    }
}
