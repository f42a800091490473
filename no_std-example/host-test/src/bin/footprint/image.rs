//! A program, built and taken apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};

use crate::panics::{self, Function};

/// What the compiler brings for copying, filling and comparing bytes. Most programs have it anyway.
const COPYING: [&str; 5] = ["memcpy", "memmove", "memset", "memclr", "memcmp"];

/// What is known of a built program.
pub struct Image {
    /// Bytes of code, of constants, and of what statics that are not zero begin with.
    pub flash: u64,
    /// Those of them that copy, fill and compare bytes.
    pub copying: u64,
    /// Bytes of statics, `.data` and `.bss`: state, buffers, and the futures of tasks. The stack is not counted.
    pub ram: u64,
    /// Bytes of statics that are not zero at the start, `.data`: they take flash as well.
    pub data: u64,
    sizes: BTreeMap<String, u64>,
}

impl Image {
    /// Builds the program `name` for `target`, and measures it.
    pub fn build(name: &str, features: &str, target: &str) -> Result<Self, String> {
        let (file, bytes) = build(name, features, target)?;
        Self::parse(&bytes).map_err(|error| format!("{file}: {error}"))
    }

    fn parse(bytes: &[u8]) -> object::Result<Self> {
        let file = object::File::parse(bytes)?;
        let total = |kinds: &[SectionKind]| -> u64 {
            file.sections().filter(|section| kinds.contains(&section.kind())).map(|section| section.size()).sum()
        };
        let data = total(&[SectionKind::Data]);
        let flash = data + total(&[SectionKind::Text, SectionKind::ReadOnlyData, SectionKind::ReadOnlyString]);
        let ram = data + total(&[SectionKind::UninitializedData]);
        let named: Vec<_> = file
            .symbols()
            .filter_map(|symbol| symbol.name().ok().map(|name| (symbol.address(), symbol.size(), name)))
            .collect();
        let is_copying = |name: &str| COPYING.iter().any(|part| name.contains(part));
        // Several names may stand for one place.
        let copying: BTreeMap<_, _> =
            named.iter().filter(|(_, _, name)| is_copying(name)).map(|(address, size, _)| (*address, *size)).collect();
        let sizes = named.iter().map(|(_, size, name)| ((*name).to_owned(), *size)).collect();
        Ok(Self { flash, copying: copying.values().sum(), ram, data, sizes })
    }

    /// The size of what has this name.
    pub fn size_of(&self, name: &str) -> Option<u64> {
        self.sizes.iter().find(|(symbol, _)| symbol.contains(name)).map(|(_, size)| *size)
    }
}

/// The names of the functions of a program for a Thumb target that can panic.
pub fn can_panic(name: &str, features: &str, target: &str) -> Result<BTreeSet<String>, String> {
    let (file, bytes) = build(name, &format!("{features},panics"), target)?;
    let names = functions(&bytes).map_err(|error| format!("{file}: {error}"))?;
    Ok(panics::can_panic(&names).into_iter().map(String::from).collect())
}

fn functions(bytes: &[u8]) -> object::Result<Vec<Function<'_>>> {
    let file = object::File::parse(bytes)?;
    let text = file.sections().find(|section| section.kind() == SectionKind::Text);
    let (start, code) = text.map_or(Ok((0, &[][..])), |text| Ok((text.address(), text.data()?)))?;
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    let functions = functions.filter_map(|symbol| {
        let address = symbol.address() & !1; // the lowest bit marks Thumb code
        let offset = usize::try_from(address.checked_sub(start)?).ok()?;
        let code = code.get(offset..offset + usize::try_from(symbol.size()).ok()?)?;
        Some(Function { name: symbol.name().ok()?, address, code })
    });
    Ok(functions.collect())
}

/// Builds a program; returns its file's name and contents.
fn build(name: &str, features: &str, target: &str) -> Result<(String, Vec<u8>), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../footprint");
    let status = Command::new("cargo")
        .current_dir(&folder)
        .args(["build", "--release", "--locked", "--quiet", "--target", target, "--bin", name, "--features", features])
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("{name} with {features:?} doesn't build for {target}"));
    }
    let file = folder.join("target").join(target).join("release").join(name);
    let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok((file.display().to_string(), bytes))
}
