//! The live view: what is drawn where, and what a key does to it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style as TextStyle};
use ratatui::text::{Line, Span};

use super::frame::Pane;
use crate::show::{Cell, Colour, GAP, cut, width, widths};

/// How many panes there are.
pub(super) const PANES: usize = 3;

/// The lines of a pane that are there whatever else wants room: title, names of the columns, and two
/// rows.
const LEAST: usize = 4;

const KEYS: &str = "q quit   Tab next pane   ↑↓ PgUp PgDn scroll";

/// Which pane is looked at, and how far each is scrolled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    focus: usize,
    offsets: [usize; PANES],
    /// How many rows of the pane in focus were shown last.
    page: usize,
    is_coloured: bool,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To look on.
    Stay,
    /// To end.
    Quit,
}

impl View {
    /// Returns a view that looks at the first pane.
    pub(super) fn new(is_coloured: bool) -> Self {
        Self { is_coloured, ..Self::default() }
    }

    /// Does what a key asks for.
    pub(super) fn press(&mut self, key: KeyEvent) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::Stay;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        let page = self.page.max(1);
        match key.code {
            KeyCode::Char('c') if is_control => return Wish::Quit,
            KeyCode::Char('q') | KeyCode::Esc => return Wish::Quit,
            KeyCode::Tab | KeyCode::Right => self.focus = (self.focus + 1) % PANES,
            KeyCode::BackTab | KeyCode::Left => self.focus = (self.focus + PANES - 1) % PANES,
            KeyCode::Down | KeyCode::Char('j') => self.scroll(|offset| offset + 1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll(|offset| offset.saturating_sub(1)),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll(|offset| offset + page),
            KeyCode::PageUp => self.scroll(|offset| offset.saturating_sub(page)),
            KeyCode::Home | KeyCode::Char('g') => self.scroll(|_| 0),
            KeyCode::End | KeyCode::Char('G') => self.scroll(|_| usize::MAX / 2),
            _ => {}
        }
        Wish::Stay
    }

    fn scroll(&mut self, to: impl Fn(usize) -> usize) {
        if let Some(offset) = self.offsets.get_mut(self.focus) {
            *offset = to(*offset);
        }
    }

    /// Draws everything: a line about the server, the panes, a line about the keys.
    pub(super) fn draw(
        &mut self,
        frame: &mut Frame<'_>,
        header: &str,
        problem: Option<&str>,
        panes: &[Pane; PANES],
    ) {
        let area = frame.area();
        let (columns, lines) = (usize::from(area.width), usize::from(area.height));
        let mut canvas = Canvas { frame, next: area.y };
        match problem {
            Some(problem) => {
                let text = format!("Shown is what was read last: {problem}");
                canvas.line(&Line::styled(cut(&text, columns), self.colour(Some(Colour::Red))));
            }
            None => canvas.line(&Line::raw(cut(header, columns))),
        }
        let wanted = [0, 1, 2].map(|index: usize| panes.get(index).map_or(0, |p| p.rows.len() + 1));
        let heights = heights(wanted, self.focus, lines.saturating_sub(2));
        for (index, (pane, height)) in panes.iter().zip(heights).enumerate() {
            if height > 0 {
                self.draw_pane(&mut canvas, index, pane, height);
            }
        }
        if lines > 2 {
            canvas.next = area.y + area.height - 1;
            let dim = TextStyle::new().add_modifier(Modifier::DIM);
            canvas.line(&Line::styled(cut(KEYS, columns), dim));
        }
    }

    fn draw_pane(&mut self, canvas: &mut Canvas<'_, '_>, index: usize, pane: &Pane, height: usize) {
        let columns = usize::from(canvas.frame.area().width);
        let is_focus = index == self.focus;
        let mut title = TextStyle::new().add_modifier(Modifier::BOLD);
        if is_focus {
            title = title.add_modifier(Modifier::REVERSED);
        }
        canvas.line(&Line::styled(pad(&format!(" {}", pane.title), columns), title));
        let Some((names, rows)) = pane.rows.split_first() else { return };
        let widths = widths(pane.rows.iter(), Some(columns));
        let visible = height.saturating_sub(2);
        if height > 1 && !rows.is_empty() {
            canvas.line(&self.row(&widths, names, Modifier::BOLD));
        }
        let Some(offset) = self.offsets.get_mut(index) else { return };
        *offset = (*offset).min(rows.len().saturating_sub(visible));
        let offset = *offset;
        if is_focus {
            self.page = visible;
        }
        for row in rows.iter().skip(offset).take(visible) {
            canvas.line(&self.row(&widths, row, Modifier::empty()));
        }
    }

    fn row(&self, widths: &[usize], row: &[Cell], modifier: Modifier) -> Line<'static> {
        let span = |(cell, most): (&Cell, &usize)| {
            let text = pad(&cut(&cell.text, *most), most + GAP);
            Span::styled(text, self.colour(cell.colour).add_modifier(modifier))
        };
        Line::from(row.iter().zip(widths).map(span).collect::<Vec<_>>())
    }

    fn colour(&self, colour: Option<Colour>) -> TextStyle {
        let style = TextStyle::new();
        match colour.filter(|_| self.is_coloured) {
            Some(Colour::Red) => style.fg(Color::Red),
            Some(Colour::Green) => style.fg(Color::Green),
            Some(Colour::Yellow) => style.fg(Color::Yellow),
            Some(Colour::Cyan) => style.fg(Color::Cyan),
            Some(Colour::Bold) => style.add_modifier(Modifier::BOLD),
            None => style,
        }
    }
}

/// The screen, written line by line from above.
struct Canvas<'a, 'b> {
    frame: &'a mut Frame<'b>,
    next: u16,
}

impl Canvas<'_, '_> {
    /// Writes the next line; there may be no room for it.
    fn line(&mut self, line: &Line<'_>) {
        let area = self.frame.area();
        if self.next < area.bottom() {
            self.frame.render_widget(line, Rect { y: self.next, height: 1, ..area });
            self.next += 1;
        }
    }
}

fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Returns how many lines each pane gets of those there are: all that it wants if there is room; else
/// each has a little, and the one in focus gets what is left; where even that is too much, the one
/// in focus is alone.
fn heights(wanted: [usize; PANES], focus: usize, available: usize) -> [usize; PANES] {
    let least = wanted.map(|lines| lines.min(LEAST));
    if least.iter().sum::<usize>() > available {
        let mut alone = [0; PANES];
        if let Some(height) = alone.get_mut(focus) {
            *height = available;
        }
        return alone;
    }
    let mut heights = least;
    let mut left = available - least.iter().sum::<usize>();
    let first = std::iter::once(focus);
    for index in first.chain((0..PANES).filter(|index| *index != focus)) {
        if let (Some(height), Some(wanted)) = (heights.get_mut(index), wanted.get(index)) {
            let more = (wanted - *height).min(left);
            *height += more;
            left -= more;
        }
    }
    heights
}

#[cfg(test)]
mod tests;
