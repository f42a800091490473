//! The picture of the layers is the same on every page that has it.

const PICTURE: &str = include_str!("../../src/guide/layers.txt");

#[test]
fn pages_show_the_same_layers() {
    let pages = [("README.md", include_str!("../../README.md")), ("DESIGN.md", include_str!("../../DESIGN.md"))];
    for (name, page) in pages {
        assert!(page.contains(PICTURE), "{name} lacks the picture of src/guide/layers.txt, line by line");
    }
}

#[test]
fn the_picture_fits_a_page() {
    assert!(PICTURE.lines().all(|line| line.chars().count() <= 90));
}
