//! Tables: columns without borders that fit a terminal, and are plain lines elsewhere.
//!
//! A row is always one line. On a terminal what is too long ends in an ellipsis; elsewhere nothing is
//! cut, so that other programs get everything.

use std::io::IsTerminal;

use super::layout::{GAP, cut, fit, width};
use super::plain;

/// When colours are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

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
    pub(crate) fn of_stdout(when: When) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_coloured = match when {
            When::Auto => is_terminal && !is_set("NO_COLOR") && !is_dumb,
            When::Always => true,
            When::Never => false,
        };
        Self { width: if is_terminal { columns() } else { None }, is_coloured }
    }

    /// Returns a text in a colour, where there are colours.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        if self.is_coloured {
            format!("\x1b[{}m{text}\x1b[0m", colour.code())
        } else {
            text.to_owned()
        }
    }
}

/// Returns the width of the terminal; one that does not know its own is taken as endless.
fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// A colour, named by what it is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// What is well.
    Green,
    /// What is wrong.
    Red,
    /// What should be looked at.
    Yellow,
    /// What goes on.
    Cyan,
    /// Headings.
    Bold,
}

impl Colour {
    /// Returns the number of the terminal's own code.
    const fn code(self) -> u8 {
        match self {
            Self::Bold => 1,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Cyan => 36,
        }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) colour: Option<Colour>,
}

impl Cell {
    pub(crate) fn coloured(text: &str, colour: Option<Colour>) -> Self {
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
    let header: Vec<Cell> =
        header.iter().map(|name| Cell::coloured(name, Some(Colour::Bold))).collect();
    let rows: Vec<Vec<Cell>> = rows.into_iter().map(Vec::from).collect();
    lines(style, std::iter::once(&header).chain(&rows))
}

/// Returns rows as lines whose columns stand below each other.
pub(crate) fn lines<'a>(style: Style, rows: impl Iterator<Item = &'a Vec<Cell>> + Clone) -> String {
    let widths = widths(rows.clone(), style.width.map(usize::from));
    rows.map(|row| line(style, &widths, row)).collect()
}

/// Returns how wide the columns of rows are in a place of some width.
pub(crate) fn widths<'a>(
    rows: impl Iterator<Item = &'a Vec<Cell>>,
    available: Option<usize>,
) -> Vec<usize> {
    let mut wanted: Vec<usize> = Vec::new();
    for row in rows {
        wanted.resize(wanted.len().max(row.len()), 0);
        for (widest, cell) in wanted.iter_mut().zip(row) {
            *widest = (*widest).max(width(&cell.text));
        }
    }
    available.map_or(wanted.clone(), |available| fit(&wanted, available))
}

fn line(style: Style, widths: &[usize], row: &[Cell]) -> String {
    let mut line = String::new();
    for (cell, most) in row.iter().zip(widths) {
        let text = cut(&cell.text, *most);
        let padding = most.saturating_sub(width(&text)) + GAP;
        line += &match cell.colour {
            Some(colour) if !text.is_empty() => style.paint(colour, &text),
            Some(_) | None => text,
        };
        line += &" ".repeat(padding);
    }
    line.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const HEADER: [&str; 3] = ["RUN", "JOB", "REASON"];

    fn rows() -> Vec<[Cell; 3]> {
        vec![
            [
                "1b4e28ba".into(),
                "nightly".into(),
                "tag team=docs 1/1 and a pool with a long name".into(),
            ],
            ["2c".into(), "a\u{1b}[31mb\nc".into(), Cell::coloured("x", Some(Colour::Red))],
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
        .assert_eq(&table(style, HEADER, rows()));
    }

    #[test]
    fn on_a_terminal_what_is_too_long_ends_in_an_ellipsis() {
        let style = Style { width: Some(40), is_coloured: false };
        expect![[r#"
            RUN       JOB        REASON
            1b4e28ba  nightly    tag team=docs 1/1 …
            2c        a�[31mb�c  x
        "#]]
        .assert_eq(&table(style, HEADER, rows()));
    }

    #[test]
    fn on_a_terminal_without_room_nothing_is_cut() {
        let narrow = Style { width: Some(10), is_coloured: false };
        let endless = Style { width: None, is_coloured: false };
        assert_eq!(table(narrow, HEADER, rows()), table(endless, HEADER, rows()));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for columns in 20..80 {
            let style = Style { width: Some(columns), is_coloured: false };
            for line in table(style, HEADER, rows()).lines() {
                assert!(width(line) <= usize::from(columns), "{columns}: {line}");
            }
        }
    }

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        let coloured = Style { width: None, is_coloured: true };
        assert!(table(coloured, HEADER, rows()).contains("\u{1b}[31mx\u{1b}[0m"));
        let plain = Style { width: None, is_coloured: false };
        assert!(!table(plain, HEADER, rows()).contains('\u{1b}'));
    }
}
