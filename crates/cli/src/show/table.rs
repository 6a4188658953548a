//! Tables: columns without borders, that fit a terminal and are plain lines elsewhere.

use std::io::IsTerminal;

use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, Table, presets};

use super::plain;

/// How many blanks stand between two columns.
const GAP: u16 = 2;

/// How much width the last column must at least be left with its gap, so that wrapping it still makes
/// lines that can be read.
const LEAST_OF_LAST: u16 = 16;

/// What the place can show to which the answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// How many characters a line has; none where lines are as long as they are.
    pub(crate) width: Option<u16>,
    /// Whether it shows colours.
    pub(crate) is_coloured: bool,
}

impl Style {
    /// Looks at standard output and at what the environment says about colours.
    pub(crate) fn of_stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: if is_terminal { Table::new().width() } else { None },
            is_coloured: is_terminal && !is_set("NO_COLOR") && !is_dumb,
        }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    colour: Option<Color>,
}

impl Cell {
    pub(crate) fn coloured(text: &str, colour: Option<Color>) -> Self {
        Self { text: plain(text), colour }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: plain(text.as_ref()), colour: None }
    }
}

/// Returns a table as lines, each with its line end.
pub(crate) fn table<const N: usize>(
    style: Style,
    header: [&str; N],
    rows: Vec<[Cell; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if style.is_coloured {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let bold = |name: &&str| comfy_table::Cell::new(name).add_attribute(Attribute::Bold);
    table.set_header(header.iter().map(bold));
    for row in rows {
        table.add_row(row.into_iter().map(|Cell { text, colour }| {
            let cell = comfy_table::Cell::new(text);
            match colour {
                Some(colour) => cell.fg(colour),
                None => cell,
            }
        }));
    }
    let arrangement = arrange(style, &mut table);
    table.set_content_arrangement(arrangement);
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Lets the last column, mostly the longest text, be wrapped into what the others leave of a
/// terminal's width. Ids and statuses are never cut; where there is no room for all, lines are as long
/// as they are.
fn arrange(style: Style, table: &mut Table) -> ContentArrangement {
    let widths = table.column_max_content_widths();
    let others: u16 = widths.iter().rev().skip(1).map(|width| width.saturating_add(GAP)).sum();
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    match style.width {
        Some(width) if width >= others.saturating_add(LEAST_OF_LAST) => {
            let last = widths.len().saturating_sub(1);
            for column in table.column_iter_mut().take(last) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            table.set_width(width);
            ContentArrangement::Dynamic
        }
        Some(_) | None => ContentArrangement::Disabled,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn rows() -> Vec<[Cell; 3]> {
        vec![
            [
                "1b4e28ba".into(),
                "nightly".into(),
                "tag team=docs 1/1 and a pool with a long name".into(),
            ],
            ["2c".into(), "a\u{1b}[31mb\nc".into(), Cell::coloured("x", Some(Color::Red))],
        ]
    }

    #[test]
    fn where_there_is_no_terminal_a_row_is_one_plain_line() {
        let style = Style { width: None, is_coloured: false };
        expect![[r#"
            RUN       JOB        REASON
            1b4e28ba  nightly    tag team=docs 1/1 and a pool with a long name
            2c        a�[31mb�c  x
        "#]]
        .assert_eq(&table(style, ["RUN", "JOB", "REASON"], rows()));
    }

    #[test]
    fn on_a_terminal_the_last_column_is_wrapped_and_the_others_are_whole() {
        let style = Style { width: Some(40), is_coloured: false };
        expect![[r#"
            RUN       JOB        REASON
            1b4e28ba  nightly    tag team=docs 1/1
                                 and a pool with a
                                 long name
            2c        a�[31mb�c  x
        "#]]
        .assert_eq(&table(style, ["RUN", "JOB", "REASON"], rows()));
    }

    #[test]
    fn on_a_terminal_without_room_nothing_is_wrapped() {
        let narrow = Style { width: Some(30), is_coloured: false };
        let endless = Style { width: None, is_coloured: false };
        let header = ["RUN", "JOB", "REASON"];
        assert_eq!(table(narrow, header, rows()), table(endless, header, rows()));
    }

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        let coloured = Style { width: None, is_coloured: true };
        assert!(table(coloured, ["RUN", "JOB", "REASON"], rows()).contains('\u{1b}'));
        let plain = Style { width: None, is_coloured: false };
        assert!(!table(plain, ["RUN", "JOB", "REASON"], rows()).contains('\u{1b}'));
    }
}
