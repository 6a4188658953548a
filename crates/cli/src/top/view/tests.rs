use expect_test::{Expect, expect};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

fn pane(title: &str, names: [&str; 2], rows: usize) -> Pane {
    let row = |number: usize| {
        vec![format!("{}-{number}", &title[..1]).into(), "a long reason to wait".into()]
    };
    let names = names.iter().map(Cell::from).collect();
    Pane {
        title: format!("{title} {rows}"),
        rows: std::iter::once(names).chain((1..=rows).map(row)).collect(),
    }
}

fn panes() -> [Pane; PANES] {
    [
        pane("IN PROGRESS", ["RUN", "JOB"], 2),
        pane("QUEUE", ["RUN", "REASON"], 30),
        pane("POOLS", ["POOL", "LIMIT"], 0),
    ]
}

fn screen(view: &mut View, size: (u16, u16), problem: Option<&str>) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| view.draw(frame, "pointsman at URL", problem, &panes())).unwrap();
    let buffer = terminal.backend().buffer();
    let line =
        |row: u16| (0..size.0).map(|column| buffer[(column, row)].symbol()).collect::<String>();
    (0..size.1).map(|row| line(row).trim_end().to_owned() + "\n").collect()
}

fn check(view: &mut View, size: (u16, u16), expected: &Expect) {
    expected.assert_eq(&screen(view, size, None));
}

fn press(view: &mut View, codes: &[KeyCode]) -> Wish {
    let press = |code: &KeyCode| view.press(KeyEvent::new(*code, KeyModifiers::NONE));
    codes.iter().map(press).last().unwrap()
}

#[test]
fn every_pane_has_a_little_and_the_one_in_focus_the_rest() {
    let mut view = View::default();
    press(&mut view, &[KeyCode::Tab]);
    check(
        &mut view,
        (30, 14),
        &expect![[r#"
        pointsman at URL
         IN PROGRESS 2
        RUN  JOB
        I-1  a long reason to wait
        I-2  a long reason to wait
         QUEUE 30
        RUN   REASON
        Q-1   a long reason to wait
        Q-2   a long reason to wait
        Q-3   a long reason to wait
        Q-4   a long reason to wait
         POOLS 0

        q quit   Tab next pane   ↑↓ P…
    "#]],
    );
}

#[test]
fn on_a_small_screen_the_pane_in_focus_is_alone() {
    let mut view = View::default();
    press(&mut view, &[KeyCode::Tab]);
    check(
        &mut view,
        (16, 7),
        &expect![[r#"
        pointsman at URL
         QUEUE 30
        RUN   REASON
        Q-1   a long re…
        Q-2   a long re…
        Q-3   a long re…
        q quit   Tab ne…
    "#]],
    );
    for size in [(1, 1), (2, 2), (200, 1), (1, 50), (3, 3)] {
        screen(&mut view, size, Some("gone"));
    }
}

#[test]
fn a_pane_is_scrolled_to_its_ends_and_no_further() {
    let mut view = View::default();
    press(&mut view, &[KeyCode::Tab, KeyCode::Char('G')]);
    let at_end = screen(&mut view, (30, 14), None);
    assert!(at_end.contains("Q-30") && !at_end.contains("Q-1 "), "{at_end}");
    press(&mut view, &[KeyCode::Down]);
    assert_eq!(screen(&mut view, (30, 14), None), at_end);
    press(&mut view, &[KeyCode::PageUp, KeyCode::Up]);
    assert!(!screen(&mut view, (30, 14), None).contains("Q-30"));
    press(&mut view, &[KeyCode::Home, KeyCode::Up]);
    assert!(screen(&mut view, (30, 14), None).contains("Q-1 "));
    // A screen that becomes higher shows no empty lines below the last row.
    press(&mut view, &[KeyCode::End]);
    screen(&mut view, (30, 14), None);
    assert!(screen(&mut view, (30, 50), None).contains("Q-1 "));
}

#[test]
fn keys_quit_and_go_round() {
    let mut view = View::default();
    assert_eq!(press(&mut view, &[KeyCode::Tab, KeyCode::Tab, KeyCode::Tab]), Wish::Stay);
    assert_eq!(view.focus, 0);
    press(&mut view, &[KeyCode::BackTab]);
    assert_eq!(view.focus, PANES - 1);
    assert_eq!(press(&mut view, &[KeyCode::Char('q')]), Wish::Quit);
    assert_eq!(press(&mut view, &[KeyCode::Esc]), Wish::Quit);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(view.press(control_c), Wish::Quit);
    assert_eq!(press(&mut view, &[KeyCode::Char('c')]), Wish::Stay);
}

#[test]
fn a_server_that_is_gone_is_told_above_what_was_read_last() {
    let text = screen(&mut View::default(), (60, 14), Some("no server answers"));
    assert!(text.starts_with("Shown is what was read last: no server answers\n"), "{text}");
    assert!(text.contains("I-1"), "{text}");
}
