//! The table of routes, printed at startup.

use std::fmt;

/// One line per handler, sorted, so that the order of registration never shows.
#[derive(Debug, Default, Clone)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) namespace: String,
    pub(crate) event: String,
    pub(crate) handler: String,
    pub(crate) traits: String,
    pub(crate) types: String,
    pub(crate) place: String,
}

impl Table {
    pub(crate) fn new(mut rows: Vec<Row>) -> Self {
        rows.sort();
        Self { rows }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |row: &Row| {
            [&row.namespace, &row.event, &row.handler, &row.traits, &row.types, &row.place]
                .map(String::clone)
        };
        let mut widths = [0; 6];
        for row in self.rows.iter().map(columns) {
            for (width, cell) in widths.iter_mut().zip(&row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (number, row) in self.rows.iter().map(columns).enumerate() {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(&row).filter(|(width, _)| **width > 0) {
                let pad = width - cell.chars().count();
                line += cell;
                line += &" ".repeat(pad + 2);
            }
            if number > 0 {
                formatter.write_str("\n")?;
            }
            formatter.write_str(line.trim_end())?;
        }
        Ok(())
    }
}
