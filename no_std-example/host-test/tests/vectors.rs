//! What a broken or hostile server may send, on the emulated board: the same as on the host, to the byte.

use host_test::build;
use host_test::qemu::Board;
use hostile::{FRESH, NoProbe};

#[test]
fn bad_input_comes_to_the_same_on_the_board_and_on_the_host() {
    let mut board = Board::boot(&build::firmware("vectors", &[]), None, None);
    let mut here = Vec::new();
    hostile::play_all(&mut FRESH.clone(), &mut NoProbe, &mut |line| here.push(line.to_string()));
    assert!(here.len() > 100_000, "{} lines are too few", here.len());

    board.await_end();
    let there = board.console.all();
    let there: Vec<_> = there.iter().filter(|line| !line.starts_with("stack ")).collect();
    for (index, (here, there)) in here.iter().zip(&there).enumerate() {
        assert_eq!(here, *there, "line {index}");
    }
    assert_eq!(here.len(), there.len());
    println!("{} lines are the same", here.len());
}
