//! What passes between hyper and a connection's bytes, and what hyper does not tell about it.
//!
//! On the way in: a `Content-Length` that hyper may take away. On the way out: hyper's own refusals get the form of all
//! others. Used by the accept loop alone.

use super::deadlines::Turn;
use super::header_length::HeaderLength;
use super::violation::Violation;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection's bytes, watched.
pub(super) struct Wire<I> {
    io: I,
    turn: Turn,
    header: HeaderLength,
    /// The turn that `header` belongs to.
    seen: usize,
    /// Sent in place of what hyper wrote.
    instead: Option<Instead>,
}

struct Instead {
    text: Vec<u8>,
    sent: usize,
    /// Bytes of hyper's that it stands for.
    replaces: usize,
}

impl<I> Wire<I> {
    pub(super) fn new(io: I, turn: Turn) -> Self {
        Self { io, seen: turn.count(), turn, header: HeaderLength::default(), instead: None }
    }

    fn came(&mut self, bytes: &[u8]) {
        let turn = self.turn.count();
        if turn != self.seen && !self.turn.is_handled() {
            (self.seen, self.header) = (turn, HeaderLength::default());
        }
        if self.header.find(bytes) {
            self.turn.length_came();
        }
    }
}

impl<I: AsyncWrite + Unpin> Wire<I> {
    /// Whether `written` is to be replaced, or is being replaced since an earlier call.
    fn replaces(&mut self, written: &[u8]) -> bool {
        if self.instead.is_none()
            && let Some(text) = Violation::in_place_of(written)
        {
            self.instead = Some(Instead { text, sent: 0, replaces: written.len() });
        }
        self.instead.is_some()
    }

    /// Writes the replacement whole, and then says that hyper's bytes are written.
    fn poll_replace(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(instead) = &mut self.instead else { return Poll::Ready(Ok(0)) };
        while instead.sent < instead.text.len() {
            let rest = &instead.text[instead.sent..];
            match ready!(Pin::new(&mut self.io).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => instead.sent += sent,
            }
        }
        let replaced = instead.replaces;
        self.instead = None;
        Poll::Ready(Ok(replaced))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Wire<I> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
        this.came(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Wire<I> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.replaces(bytes) {
            return this.poll_replace(context);
        }
        Pin::new(&mut this.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buffers.first().is_some_and(|first| this.replaces(first)) {
            return this.poll_replace(context);
        }
        Pin::new(&mut this.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}
