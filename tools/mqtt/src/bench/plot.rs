//! The plot of `mqtt bench --plot`: latency over the share of messages that were no slower.

use std::path::Path;

use hdrhistogram::Histogram;
use plotters::prelude::*;
use pure_mqtt_client::pure_mqtt::QoS;

const SIZE: (u32, u32) = (900, 500);
/// Nines on the horizontal axis: 0 for none, 1 for 90 %, up to 99.999 %.
const NINES: f64 = 5.0;
const STEPS: u32 = 200;

/// Draws a line for each QoS.
pub fn draw(path: &Path, lines: &[(QoS, Histogram<u64>)]) -> Result<(), String> {
    let most = lines.iter().map(|(_, values)| values.max()).max().unwrap_or(1) as f64 / 1000.0;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    let text = |error: DrawingAreaErrorKind<_>| error.to_string();
    area.fill(&WHITE).map_err(text)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Latency to the server and back", ("sans-serif", 22))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..NINES, 0.0..most * 1.05)
        .map_err(text)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("share of messages")
        .y_desc("milliseconds")
        .x_labels(6)
        .x_label_formatter(&share)
        .draw()
        .map_err(text)?;
    for (number, (qos, values)) in lines.iter().enumerate() {
        let colour = Palette99::pick(number).to_rgba();
        let series = LineSeries::new(points(values), colour.stroke_width(2));
        let legend = move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2));
        chart.draw_series(series).map_err(text)?.label(format!("QoS {}", qos.bits())).legend(legend);
    }
    chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw().map_err(text)?;
    area.present().map_err(text)
}

fn points(values: &Histogram<u64>) -> impl Iterator<Item = (f64, f64)> {
    (0..=STEPS).map(|step| {
        let nines = NINES * f64::from(step) / f64::from(STEPS);
        (nines, values.value_at_quantile(1.0 - 10f64.powf(-nines)) as f64 / 1000.0)
    })
}

fn share(nines: &f64) -> String {
    format!("{} %", 100.0 * (1.0 - 10f64.powf(-nines)))
}
