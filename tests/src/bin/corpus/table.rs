//! Tables, as aligned text or as Markdown.
use std::io::{self, Write};

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For a terminal.
    Text,
    /// For a document.
    Markdown,
}

/// Rows under a head.
pub(crate) struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &str, head: &[&str]) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self { title: title.to_owned(), head, rows: Vec::new() }
    }

    /// Adds a row; it should have as many cells as the head.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes it, a blank line behind it; nothing when it has no rows.
    pub(crate) fn write(&self, form: Form, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        match form {
            Form::Text => self.text(out),
            Form::Markdown => self.markdown(out),
        }
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows = || [&self.head].into_iter().chain(&self.rows);
        let width =
            |column: usize| rows().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..self.head.len()).map(|column| width(column).unwrap_or(0)).collect();
        writeln!(out, "{}", self.title)?;
        for row in rows() {
            let cells: Vec<_> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(out, "  {}", cells.join("  ").trim_end())?;
        }
        writeln!(out)
    }

    fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = |row: &[String]| format!("| {} |", row.join(" | ").replace('\n', " "));
        let cells = |row: &[String]| row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
        writeln!(out, "{}\n\n{}\n|{}", self.title, line(&cells(&self.head)), "---|".repeat(self.head.len()))?;
        for row in &self.rows {
            writeln!(out, "{}", line(&cells(row)))?;
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form) -> String {
        let mut table = Table::new("Found", &["label", "found"]);
        table.row(["a|b".to_owned(), "1/2".to_owned()]);
        let mut out = Vec::new();
        table.write(form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn both_forms() {
        assert_eq!(written(Form::Text), "Found\n  label  found\n  a|b    1/2\n\n");
        assert_eq!(written(Form::Markdown), "Found\n\n| label | found |\n|---|---|\n| a\\|b | 1/2 |\n\n");
        let mut out = Vec::new();
        Table::new("Empty", &["a"]).write(Form::Text, &mut out).unwrap();
        assert!(out.is_empty());
    }
}
