use std::collections::BTreeMap;

use super::source::Source;
use super::*;

/// The circles of a crate that is made of these files.
fn circles(files: &[(&str, &str)]) -> Vec<Circle> {
    let files: BTreeMap<_, _> = files.iter().map(|(name, text)| (Path::new("src").join(name), *text)).collect();
    find("src", &|path| files.get(path).map(ToString::to_string)).expect("every file is there")
}

/// Folder and modules of each.
fn names(files: &[(&str, &str)]) -> Vec<String> {
    circles(files).iter().map(|circle| format!("{}: {}", circle.folder, circle.modules.join(" "))).collect()
}

#[test]
fn a_circle_is_named_with_its_lines() {
    let found = circles(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;"),
        ("a.rs", "use crate::b::{B, Two};\n\nstruct A;"),
        ("b.rs", "\nuse crate::c::C;"),
        ("c.rs", "use crate::{a::A, d::D};"),
        ("d.rs", "use core::fmt;"),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "src: a, b, c need each other; each line is one that would have to go:\n    \
         a -> b: src/a.rs:1 names crate::b::B, crate::b::Two\n    \
         b -> c: src/b.rs:2 names crate::c::C\n    \
         c -> a: src/c.rs:1 names crate::a::A"
    );
}

#[test]
fn circles_that_share_no_module_are_two() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; use crate::c::C;"),
        ("b.rs", "use super::a::A;"),
        ("c.rs", "use crate::d;"),
        ("d.rs", "fn d() { crate::c::c() }"),
    ];
    assert_eq!(names(&files), ["src: a b", "src: c d"]);
}

#[test]
fn what_is_re_exported_counts_for_the_file_that_defines_it() {
    let folder = |one, two| {
        [
            ("lib.rs", "mod a;\npub use a::{One, Two as Second};"),
            ("a/mod.rs", "mod one;\nmod two;\npub use self::one::One;\npub(crate) use self::two::Two;"),
            ("a/one.rs", one),
            ("a/two.rs", two),
        ]
    };
    assert_eq!(names(&folder("use crate::a::Two;", "")), [""; 0]);
    assert_eq!(names(&folder("use crate::a::Two;", "use super::One;")), ["src/a: one two"]);
    assert_eq!(names(&folder("use crate::Second;", "use crate::One;")), ["src/a: one two"], "by way of the crate");
    assert_eq!(names(&folder("use super::*;", "")), [""; 0]);
}

#[test]
fn the_file_of_a_folder_is_one_of_its_modules() {
    let folder = |own, inner| [("lib.rs", "mod a;"), ("a/mod.rs", own), ("a/one.rs", inner)];
    assert_eq!(names(&folder("mod one;\nuse self::one::One;\nstruct A;", "use crate::a::A;")), ["src/a: mod one"]);
    assert_eq!(names(&folder("mod one;\nuse self::one::One;\nstruct A;", "")), [""; 0]);
    assert_eq!(names(&folder("mod one;\npub use self::one::One;\nstruct A;", "use crate::a::A;")), [""; 0]);
}

#[test]
fn folders_are_seen_whole_from_outside() {
    let files = [
        ("lib.rs", "mod a;\nmod b;"),
        ("a/mod.rs", "mod one;\nmod two;\npub(crate) use self::one::One;"),
        ("a/one.rs", "use crate::b::B;"),
        ("a/two.rs", "struct Two;"),
        ("b.rs", "mod inner;\nuse crate::a::two::Two;"),
        ("b/inner.rs", ""),
    ];
    assert_eq!(names(&files), ["src: a b"]);
}

#[test]
fn tests_and_texts_are_not_read() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\n#[cfg(all(test, feature = \"x\"))]\nmod missing;"),
        ("a.rs", "use crate::b::B;"),
        (
            "b.rs",
            "//! [`A`](crate::a::A)\n/* use crate::a::A; */\nconst T: &str = \"use crate::a::A;\\\"\"; const R: &str = r#\"\" crate::a::A\"#;\n\
             const C: [char; 2] = ['\"', '\\'']; fn f<'a>(_: &'a str) {}\n#[cfg(test)]\nuse crate::a::A;\n\
             #[cfg(test)]\n#[allow(unused)]\nmod tests {\n    use crate::a::A;\n    fn f() { crate::a::f() }\n}\n",
        ),
    ];
    assert_eq!(names(&files), [""; 0]);
    let again = files.map(|(name, text)| {
        (name, if name == "b.rs" { text.to_owned() + "fn g() { crate::a::f() }" } else { text.to_owned() })
    });
    assert_eq!(names(&again.each_ref().map(|(name, text)| (*name, text.as_str()))), ["src: a b"], "behind the tests");
}

#[test]
fn super_leads_out_of_modules_within_the_file_first() {
    let files = |inner| [("lib.rs", "mod a;\nmod b;"), ("a.rs", inner), ("b.rs", "use crate::a::A;")];
    assert_eq!(names(&files("mod inner { use super::b; }")), [""; 0], "something of its own");
    assert_eq!(names(&files("mod inner { use super::super::b::B; }")), ["src: a b"]);
    assert_eq!(names(&files("pub(in crate::b) struct A;")), [""; 0], "that says who may see it");
}

#[test]
fn a_list_of_imports_is_taken_apart() {
    let source = Source::read("pub(crate) use a::{self, b::{c as d, *}, e};\nuse self::f::G as _;");
    let paths = source.paths.iter().map(|named| {
        format!("{} {} {}", named.segments.join("::"), named.imported.as_deref().unwrap_or_default(), named.is_exported)
    });
    assert_eq!(
        paths.collect::<Vec<_>>(),
        ["a a true", "a::b::c d true", "a::b::* * true", "a::e e true", "self::f::G _ false"]
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let message = find("src", &|path| path.ends_with("lib.rs").then(|| "mod a;".into())).expect_err("a.rs is missing");
    assert!(message.starts_with("src/a/mod.rs"), "{message}");
}
