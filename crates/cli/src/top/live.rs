//! The terminal while `top` runs: keys in, frames out, and everything as it was at the end, however
//! that comes.

use std::io;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::interval;

use super::frame::{Snapshot, header, panes};
use super::reader::{Reading, keep_reading};
use super::view::{View, Wish};
use crate::failure::Failure;
use crate::remote::{Remote, Session, now};

/// How often durations are told anew.
const TICK: Duration = Duration::from_secs(1);

/// Shows the view until somebody quits.
pub(super) async fn show(session: &Session, remote: &Remote) -> Result<u8, Failure> {
    // Read before the screen is taken: what fails at once is told as every command tells it.
    let snapshot = Snapshot::read(&session.client).await?;
    let url = session.client.url().to_owned();
    let (sender, readings) = watch::channel(Reading { snapshot, url, problem: None });
    let remote = remote.clone();
    let find = move || remote.client().ok();
    let reader = tokio::spawn(keep_reading(session.client.clone(), sender, find));
    let shown = look(session, readings).await;
    reader.abort();
    shown.map_err(Failure::Unwritable)?;
    Ok(0)
}

async fn look(session: &Session, mut readings: watch::Receiver<Reading>) -> io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let mut tick = interval(TICK);
    let mut view = View::new(session.style.is_coloured);
    loop {
        screen.draw(&mut view, &readings.borrow_and_update())?;
        tokio::select! {
            event = keys.next() => match event {
                Some(Ok(Event::Key(key))) if view.press(key) == Wish::Quit => return Ok(()),
                // The size of the screen is asked for at each frame.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            // A reader that is gone changes nothing any more.
            Ok(()) = readings.changed() => {}
            _ = tick.tick() => {}
            _ = hang_up.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// The whole terminal, given back when this is dropped; a panic gives it back before it is told.
struct Screen {
    terminal: ratatui::DefaultTerminal,
}

impl Screen {
    fn open() -> io::Result<Self> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                // It may have got half of it.
                ratatui::restore();
                Err(error)
            }
        }
    }

    fn draw(&mut self, view: &mut View, reading: &Reading) -> io::Result<()> {
        let present = now();
        let header = header(&reading.url, &reading.snapshot, present);
        let panes = panes(&reading.snapshot, present);
        let problem = reading.problem.as_deref();
        self.terminal.draw(|frame| view.draw(frame, &header, problem, &panes)).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
