//! The plot: one line for each row, one dot for each client, on a logarithmic scale.

use std::error::Error;
use std::path::Path;

use plotters::coord::ranged1d::{KeyPointHint, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::clients::{self, OURS, YARDSTICKS};
use crate::measure::Result as Measured;
use crate::report::table::number;

/// The rows that are drawn, if they were measured.
const DRAWN: [&str; 10] = [
    "3.1.1 QoS 1, window 1",
    "3.1.1 QoS 1, window 64",
    "3.1.1 QoS 1, window 10,000",
    "5.0 QoS 1, window 64",
    "3.1.1 QoS 2, window 64",
    "3.1.1 inbound QoS 0",
    "3.1.1 inbound QoS 1",
    "5.0 inbound QoS 0",
    "5.0 inbound QoS 0, three properties",
    "resume with 10,000 unacknowledged",
];

const WIDTH: u32 = 900;
const LINE: u32 = 40;
const COLOURS: [RGBColor; 8] = [
    RGBColor(200, 30, 30),
    RGBColor(31, 119, 180),
    RGBColor(44, 160, 44),
    RGBColor(255, 127, 14),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(23, 170, 190),
    RGBColor(190, 180, 30),
];

/// Writes the plot to `path`.
pub fn draw(results: &[Measured], path: &Path) -> Result<(), Box<dyn Error>> {
    let rows: Vec<_> = results.iter().filter(|result| DRAWN.contains(&result.row)).collect();
    let nanos = || rows.iter().flat_map(|row| drawn().filter_map(|(client, _)| Some(row.of(client)?.median)));
    let (Some(low), Some(high)) = (nanos().min_by(f64::total_cmp), nanos().max_by(f64::total_cmp)) else {
        return Ok(()); // none of them was measured
    };
    let height = LINE * rows.len() as u32 + 130;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Nanoseconds of processor time per message (less is better)", ("sans-serif", 18))
        .margin(10)
        .margin_right(30)
        .x_label_area_size(70)
        .y_label_area_size(270)
        .build_cartesian_2d((low * 0.8..high * 1.3).log_scale(), Lines(rows.len()))?;
    chart
        .configure_mesh()
        .x_labels(8)
        .y_labels(rows.len())
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|line| rows.get(rows.len() - 1 - line).map_or("", |row| row.row).to_owned())
        .label_style(("sans-serif", 14))
        .light_line_style(WHITE)
        .draw()?;
    for (client, colour) in drawn() {
        let size = if client == OURS { 7 } else { 4 };
        let dots = rows.iter().enumerate().filter_map(|(index, row)| {
            let figure = row.of(client)?;
            Some(Circle::new((figure.median, rows.len() - 1 - index), size, colour.filled()))
        });
        chart.draw_series(dots)?;
    }
    legend(&root, height)?;
    root.present()?;
    Ok(())
}

/// The clients, without the harness, and their colours.
fn drawn() -> impl Iterator<Item = (&'static str, RGBColor)> {
    clients::ALL.iter().map(|client| client.name).filter(|client| !YARDSTICKS.contains(client)).zip(COLOURS)
}

/// The clients with their colours, along the lower edge.
fn legend(root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, height: u32) -> Result<(), Box<dyn Error>> {
    let mut x = 20;
    for (client, colour) in drawn() {
        let y = height as i32 - 22;
        root.draw(&Circle::new((x, y + 6), 5, colour.filled()))?;
        root.draw(&Text::new(client, (x + 9, y), ("sans-serif", 13)))?;
        x += 26 + 7 * client.len() as i32;
    }
    Ok(())
}

/// The lines of the plot: a scale of whole numbers, each with a label.
#[derive(Clone)]
struct Lines(usize);

impl Ranged for Lines {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = usize;

    fn map(&self, line: &usize, (start, end): (i32, i32)) -> i32 {
        start + ((end - start) as f64 * (*line as f64 + 0.5) / self.0 as f64) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<usize> {
        (0..self.0).collect()
    }

    fn range(&self) -> std::ops::Range<usize> {
        0..self.0
    }
}

impl ValueFormatter<usize> for Lines {
    fn format(line: &usize) -> String {
        line.to_string()
    }
}
