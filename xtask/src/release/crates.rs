//! The crates that are published, in the order in which they are.

/// A crate that is published.
pub struct Published {
    /// Its name on crates.io.
    pub name: &'static str,
    /// The folder of its manifest.
    pub folder: &'static str,
}

/// Each crate stands behind those that it needs, for its tests too if it names their version.
pub const PUBLISHED: [Published; 9] = [
    Published { name: "pure-mqtt-test-broker", folder: "tools/test-broker" },
    Published { name: "pure-mqtt", folder: "." },
    Published { name: "pure-mqtt-trace", folder: "trace" },
    Published { name: "pure-mqtt-net", folder: "clients/net" },
    Published { name: "pure-mqtt-agent", folder: "clients/agent" },
    Published { name: "pure-mqtt-client", folder: "clients/threads" },
    Published { name: "pure-mqtt-tokio", folder: "clients/tokio" },
    Published { name: "pure-mqtt-embassy", folder: "clients/embassy" },
    Published { name: "pure-mqtt-cli", folder: "tools/mqtt" },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use toml::{Table, Value};

    use super::*;
    use crate::root;

    fn manifest(folder: &Path) -> Table {
        let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("there is a manifest");
        text.parse().expect("the manifest is TOML")
    }

    fn package(folder: &str) -> Table {
        manifest(Path::new(folder))["package"].as_table().expect("it is a package").clone()
    }

    /// The crates of this project that a manifest names with their version.
    fn needed(manifest: &Table) -> Vec<String> {
        let tables = ["dependencies", "dev-dependencies", "build-dependencies"].map(|name| manifest.get(name));
        let all = tables.into_iter().flatten().filter_map(Value::as_table).flatten();
        let ours = all.filter(|(name, value)| name.starts_with("pure-mqtt") && value.get("version").is_some());
        ours.map(|(name, _)| name.clone()).collect()
    }

    #[test]
    fn each_stands_behind_what_it_needs() {
        let mut published = BTreeSet::new();
        for Published { name, folder } in &PUBLISHED {
            for needed in needed(&manifest(Path::new(folder))) {
                assert!(published.contains(needed.as_str()), "{name} needs {needed}");
            }
            published.insert(*name);
        }
    }

    #[test]
    fn every_member_of_the_workspace_is_published_or_says_that_it_is_not() {
        let members = manifest(Path::new(""))["workspace"]["members"].as_array().expect("there are members").clone();
        let members = members.iter().filter_map(Value::as_str).chain(["."]);
        for folder in members {
            let package = package(folder);
            let name = package["name"].as_str().expect("it has a name");
            let is_listed = PUBLISHED.iter().any(|crate_| crate_.name == name && crate_.folder == folder);
            assert_eq!(is_listed, package.get("publish").is_none(), "{name}");
        }
    }

    #[test]
    fn all_have_one_version_edition_licence_and_oldest_rust() {
        let engine = package(".");
        for Published { name, folder } in &PUBLISHED {
            for key in ["version", "edition", "license", "rust-version"] {
                assert_eq!(package(folder).get(key), engine.get(key), "{name}: {key}");
            }
        }
    }

    #[test]
    fn the_page_for_contributors_lists_them_in_this_order() {
        let page = std::fs::read_to_string(root().join("CONTRIBUTING.md")).expect("the page is there");
        let table = page.split("\n## To release\n").nth(1).expect("there is a section on releases");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let listed: Vec<_> = rows.filter(|name| name.starts_with("pure-mqtt")).collect();
        assert_eq!(listed, PUBLISHED.map(|crate_| crate_.name));
    }
}
