//! Tables as Ceph's tools lay them out: columns as wide as their widest cell, two blanks between.

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A column: its heading, where the heading stands, where the cells stand.
pub(crate) type Column = (&'static str, Align, Align);

/// A table that is filled row by row.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// One row; cells that are left out stay empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The header and all rows, each with a line end.
    pub(crate) fn print(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| shown_width(cell)).max().unwrap_or_default();
            widest.max(self.columns[column].0.len())
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let header: Vec<String> =
            self.columns.iter().map(|(name, ..)| (*name).to_owned()).collect();
        let mut text = String::new();
        for (number, row) in std::iter::once(&header).chain(&self.rows).enumerate() {
            for (column, (_, heading, cells)) in self.columns.iter().enumerate() {
                let align = if number == 0 { heading } else { cells };
                let cell = row.get(column).map_or("", String::as_str);
                let blanks = " ".repeat(widths[column].saturating_sub(shown_width(cell)));
                if column > 0 {
                    text.push_str("  ");
                }
                match align {
                    Align::Left => text.extend([cell, &blanks]),
                    Align::Right => text.extend([blanks.as_str(), cell]),
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Ceph counts bytes; so do we, or tables would differ.
fn shown_width(cell: &str) -> usize {
    cell.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_aligned() {
        let mut table =
            Table::new(&[("NAME", Align::Left, Align::Left), ("SIZE", Align::Left, Align::Right)]);
        table.row(["a".to_owned(), "10 GiB".to_owned()]);
        table.row(["long-name".to_owned()]);
        assert_eq!(table.print(), "NAME       SIZE  \na          10 GiB\nlong-name        \n");
    }
}
