//! A command that a fork server executes: how the guard asks for it, and how it hears of its end.
//!
//! The server makes a keeper, which leads a session of its own and lets the command begin only when
//! the guard says so. Whatever goes wrong before that has executed nothing, and the guard starts the
//! command itself; afterwards it never does. From then on the keeper is to the command what the
//! guard is to one that it has started itself, and it kills the command when the guard is gone. What
//! the server makes of its code is no matter of this file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::group;
use crate::guard::orders::Orders;
use crate::guard::start::{Pipes, input};
use crate::guard::tree::End;
use crate::guard::words::{GO, LONGEST_SAID, Said, TERMINATE, order, read};
use crate::identity::{Identity, Signal};
use crate::lock::Lock;

/// How long a server may take until it has a keeper, with others in front: a process that is started
/// cold takes about as long on a machine that has much to do.
const LONGEST_ASK: Duration = Duration::from_secs(10);

/// How long a keeper may take for a fork.
const LONGEST_START: Duration = Duration::from_secs(30);

/// How many looks are taken for what is left of a group whose keeper is gone.
const MOST_LOOKS: u32 = 200;

/// How many descriptors go with an order.
const FILES: usize = 5;

/// A command that waits for the guard's word to begin.
pub(super) struct Waiting {
    keeper: Keeper,
    pipes: Pipes,
}

/// The keeper of a command.
pub(super) struct Keeper {
    identity: Identity,
    /// The command, if it lived when it was started.
    command: Option<Identity>,
    talk: Talk,
    end: Option<End>,
    is_empty: bool,
}

/// The connection, and what was heard over it.
struct Talk {
    stream: UnixStream,
    /// What is no whole line yet.
    heard: Vec<u8>,
    /// What was said and not taken yet.
    said: VecDeque<Said>,
    is_over: bool,
}

/// Asks a server for a fork that stands for the command; an error says why there is none, and nothing
/// was executed. The lock's file then names the keeper, too.
pub(super) async fn ask(socket: &Path, orders: &Orders, lock: &mut Lock) -> io::Result<Waiting> {
    timeout(LONGEST_ASK, ask_at_leisure(socket, orders, lock)).await?
}

async fn ask_at_leisure(socket: &Path, orders: &Orders, lock: &mut Lock) -> io::Result<Waiting> {
    let mut talk = Talk::begin(socket).await?;
    // Until it is heard nothing is sent: descriptors that wait unread would hold the lock.
    talk.expect(|said| (*said == Said::Ready).then_some(())).await?;
    let request = input(orders).map_err(io::Error::other)?;
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from);
    let ((out, to_out), (err, to_err), (answer, to_answer)) = (pipe()?, pipe()?, pipe()?);
    talk.send(orders, lock, &request, &[to_out, to_err, to_answer]).await?;
    let kept = |said: &Said| if let Said::Kept { pid } = said { Some(*pid) } else { None };
    let pid = talk.expect(kept).await?;
    let identity = Identity::of(pid)?.ok_or_else(|| gone("its keeper has ended"))?;
    lock.sign_for(identity)?;
    let pipes = Pipes { out, err, answer: Some(answer) };
    Ok(Waiting {
        keeper: Keeper { identity, command: None, talk, end: None, is_empty: false },
        pipes,
    })
}

impl Waiting {
    /// Lets the command begin; returns its process. An error says that nobody knows whether it has.
    pub(super) async fn begin(mut self) -> io::Result<(u32, Pipes, Keeper)> {
        let talk = &mut self.keeper.talk;
        let begin = async {
            talk.stream.write_all(&[GO]).await?;
            talk.expect(|said| if let Said::Started { pid } = said { Some(*pid) } else { None })
                .await
        };
        let pid = timeout(LONGEST_START, begin).await??;
        self.keeper.command = Identity::of(pid)?;
        Ok((pid, self.pipes, self.keeper))
    }
}

impl Keeper {
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    /// Takes note of what was heard; returns whether anything of the command is left.
    pub(super) fn look(&mut self) -> io::Result<bool> {
        while let Some(said) = self.talk.said.pop_front() {
            match said {
                Said::Exited { code } => self.end = Some(End::Exited(code)),
                Said::Signaled { signal } => self.end = Some(End::Signaled(signal)),
                Said::Empty => self.is_empty = true,
                Said::Ready | Said::Refused { .. } | Said::Kept { .. } | Said::Started { .. } => {}
            }
        }
        if self.talk.is_over && !self.is_empty {
            self.kill_group()?;
            return Err(gone("its keeper was killed"));
        }
        Ok(!self.is_empty)
    }

    /// Kills the group of a keeper that is gone, the command last: while that lives, the number of the
    /// group is nobody else's. What is left of the group without it is found by the step's lock.
    fn kill_group(&self) -> io::Result<()> {
        let Some(command) = self.command else { return Ok(()) };
        for _ in 0..MOST_LOOKS {
            let mut others = group::members(self.identity.pid)?;
            let of_all = others.len();
            others.retain(|other| *other != command);
            if others.is_empty() || others.len() == of_all || !command.is_alive()? {
                break;
            }
            for other in others {
                other.signal(Signal::Kill)?;
            }
        }
        command.signal(Signal::Kill).map(drop)
    }

    /// Hears more.
    pub(super) async fn hear(&mut self) -> io::Result<()> {
        self.talk.hear().await
    }

    /// Has SIGTERM sent to all of the group, which the keeper leads.
    pub(super) fn terminate_group(&self) -> io::Result<()> {
        match self.talk.stream.try_write(&[TERMINATE]) {
            // One that is gone is noticed by its silence; one that does not listen has this order yet.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent.map(drop),
        }
    }
}

impl Talk {
    /// Connects to a socket, whose path may be longer than the address of a socket can be.
    async fn begin(socket: &Path) -> io::Result<Self> {
        let missing = || io::Error::from(io::ErrorKind::InvalidInput);
        let (folder, name) = socket.parent().zip(socket.file_name()).ok_or_else(missing)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(folder, flags, Mode::empty())?;
        let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        let stream = UnixStream::connect(short).await?;
        Ok(Self { stream, heard: Vec::new(), said: VecDeque::new(), is_over: false })
    }

    /// Sends the order, with the descriptors that the command takes.
    async fn send(
        &mut self,
        orders: &Orders,
        lock: &Lock,
        request: &File,
        [out, err, answer]: &[OwnedFd; 3],
    ) -> io::Result<()> {
        let line = order(&orders.command, std::env::vars_os(), &orders.cwd)?;
        let files = [request.as_fd(), out.as_fd(), err.as_fd(), lock.descriptor(), answer.as_fd()];
        let stream = &self.stream;
        let with_files = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !control.push(SendAncillaryMessage::ScmRights(&files)) {
                return Err(io::Error::other("there is no space for descriptors"));
            }
            Ok(sendmsg(stream, &[IoSlice::new(&line)], &mut control, SendFlags::NOSIGNAL)?)
        };
        let sent = stream.async_io(Interest::WRITABLE, with_files).await?;
        self.stream.write_all(&line[sent..]).await
    }

    /// Waits for the one thing that may be said now, and is not a refusal.
    async fn expect<T>(&mut self, is_it: impl Fn(&Said) -> Option<T>) -> io::Result<T> {
        loop {
            match self.said.pop_front() {
                Some(Said::Refused { why }) => return Err(io::Error::other(why)),
                Some(said) => return is_it(&said).ok_or_else(|| gone("it says something else")),
                None if self.is_over => return Err(gone("the server has gone")),
                None => self.hear().await?,
            }
        }
    }

    async fn hear(&mut self) -> io::Result<()> {
        if self.is_over {
            return std::future::pending().await;
        }
        if self.heard.len() > LONGEST_SAID {
            return Err(gone("it says more than there is to say"));
        }
        let count = self.stream.read_buf(&mut self.heard).await?;
        self.is_over = count == 0;
        self.read_lines();
        Ok(())
    }

    /// Reads the whole lines; what is no word of ours is passed over.
    fn read_lines(&mut self) {
        let whole = self.heard.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.heard.drain(..whole).collect();
        self.said.extend(lines.split(|byte| *byte == b'\n').filter_map(read));
    }
}

fn gone(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_has_ended_before_its_start_is_heard_has_ended() {
        let (stream, mut keeper_end) = UnixStream::pair().unwrap();
        let talk = Talk { stream, heard: Vec::new(), said: VecDeque::new(), is_over: false };
        let pid = std::process::id();
        let identity = Identity::of(pid).unwrap().unwrap();
        let keeper = Keeper { identity, command: None, talk, end: None, is_empty: false };
        let (pipe, _) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let pipes = Pipes { out: pipe.try_clone().unwrap(), err: pipe, answer: None };
        let said = format!(
            "{{\"kind\":\"started\",\"pid\":{pid}}}\n{{\"kind\":\"exited\",\"code\":3}}\n\
             {{\"kind\":\"empty\"}}\n"
        );
        keeper_end.write_all(said.as_bytes()).await.unwrap();
        let (_, _, mut keeper) = Waiting { keeper, pipes }.begin().await.unwrap();
        let mut go = [0];
        keeper_end.read_exact(&mut go).await.unwrap();
        drop(keeper_end);
        keeper.hear().await.unwrap();
        assert!(!keeper.look().unwrap());
        assert_eq!((go[0], keeper.end()), (GO, Some(End::Exited(3))));
    }
}
