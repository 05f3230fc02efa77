//! Plots as SVG: a bar for the median, a dot for each round.

use std::fmt::Write as _;

/// A plot of its own scale.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

/// A bar.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// Whether it is one of those the plot is about.
    pub(crate) ours: bool,
    pub(crate) median: f64,
    pub(crate) points: Vec<f64>,
    /// Said behind the bar.
    pub(crate) note: String,
}

const WIDTH: f64 = 760.0;
const LABELS: f64 = 120.0;
const NOTES: f64 = 170.0;
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;
const TITLE: f64 = 34.0;
const MARGIN: f64 = 12.0;

/// Readable on white and on black.
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.ours { fill: #c2410c } .other { fill: #94a3b8 } .point { fill: #24292f; fill-opacity: .55 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .ours { fill: #f97316 } .other { fill: #64748b } .point { fill: #e6edf3 }
}";

/// Panels below each other.
pub(crate) fn svg(panels: &[Panel]) -> String {
    let height_of = |panel: &Panel| TITLE + panel.rows.len() as f64 * ROW + MARGIN;
    let height = panels.iter().map(height_of).sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<style>\n{STYLE}\n</style>\n"
    );
    let mut top = 0.0;
    for panel in panels {
        draw(&mut svg, panel, top);
        top += height_of(panel);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, panel: &Panel, top: f64) {
    let title = escaped(&panel.title);
    writeln!(svg, "<text class=\"title\" x=\"0\" y=\"{}\">{title}</text>", top + 22.0).ok();
    let values = panel.rows.iter().flat_map(|row| row.points.iter().chain([&row.median]));
    let largest = values.copied().fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LABELS - NOTES) / largest;
    for (number, row) in panel.rows.iter().enumerate() {
        let y = top + TITLE + number as f64 * ROW;
        let (middle, text) = (y + BAR / 2.0, y + BAR - 2.5);
        let class = if row.ours { "ours" } else { "other" };
        let label = escaped(&row.label);
        writeln!(
            svg,
            "<text x=\"{LABELS}\" dx=\"-8\" y=\"{text:.1}\" text-anchor=\"end\">{label}</text>"
        )
        .ok();
        let width = row.median * scale;
        writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\"/>"
        )
        .ok();
        for point in &row.points {
            let x = LABELS + point * scale;
            writeln!(svg, "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"2.5\"/>")
                .ok();
        }
        let furthest = row.points.iter().copied().fold(row.median, f64::max);
        let x = LABELS + furthest * scale + 8.0;
        let note = escaped(&row.note);
        writeln!(svg, "<text x=\"{x:.1}\" y=\"{text:.1}\">{note}</text>").ok();
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_reaches_the_notes_and_others_are_in_proportion() {
        let row = |label: &str, median, points: &[f64]| Row {
            label: label.to_owned(),
            ours: false,
            median,
            points: points.to_vec(),
            note: "a < b".to_owned(),
        };
        let rows = vec![row("one", 5.0, &[5.0]), row("two", 8.0, &[6.0, 10.0])];
        let svg = svg(&[Panel { title: "cost".to_owned(), rows }]);
        assert!(svg.contains("width=\"235.0\""), "{svg}");
        assert!(svg.contains("cx=\"590.0\""), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
    }
}
