//! A connection that ends itself when its client is too slow.
//!
//! hyper's own header timer also runs while a connection idles, so one limit could not serve both a
//! dribbled header (10 s) and a kept connection (75 s). Used by the accept loop alone; how long a handler
//! takes, and a request's body, are the handler's own.

use super::HttpLimits;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What the service and the connection's bytes tell each other: whose turn it is, and what came with the request.
///
/// Both sides run in the connection's own task, so no ordering is needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Odd while a request is with its handler. Counted by the service, read by the connection.
    count: AtomicUsize,
    /// A `Content-Length` has come since the last request was looked at. Set by the connection, taken by the service.
    length: AtomicBool,
}

impl Turn {
    /// A request begins to be handled, or its answer is there.
    pub(super) fn pass(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a request is with its handler.
    pub(super) fn is_handled(&self) -> bool {
        self.count() % 2 == 1
    }

    /// A `Content-Length` has come.
    pub(super) fn length_came(&self) {
        self.0.length.store(true, Ordering::Relaxed);
    }

    /// Whether a `Content-Length` has come since this was last asked.
    pub(super) fn takes_length(&self) -> bool {
        self.0.length.swap(false, Ordering::Relaxed)
    }

    /// How many times it has passed.
    pub(super) fn count(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }
}

/// The connection's bytes, with deadlines on both directions.
pub(super) struct Deadlines<I> {
    io: I,
    limits: HttpLimits,
    turn: Turn,
    /// The turn that `read_by` was set in.
    seen: usize,
    /// Whether bytes of a header have come, which make the shorter limit hold.
    in_header: bool,
    /// When the next bytes or the whole header must be there; not while a handler is at work.
    read_by: Instant,
    /// Set while the client does not take what we write.
    write_by: Option<Instant>,
    /// One timer for both; it may ring early, never late.
    timer: Pin<Box<Sleep>>,
}

impl<I> Deadlines<I> {
    /// A new connection: its first header is due within the header limit.
    pub(super) fn new(io: I, limits: HttpLimits, turn: Turn) -> Self {
        let read_by = Instant::now() + limits.header_timeout;
        let timer = Box::pin(tokio::time::sleep_until(read_by));
        Self { io, limits, seen: turn.count(), turn, in_header: true, read_by, write_by: None, timer }
    }

    /// Whether a handler is at work; once it has answered, the idle time begins.
    fn is_handled(&mut self) -> bool {
        let (turn, handled) = (self.turn.count(), self.turn.is_handled());
        if !handled && turn != self.seen {
            self.seen = turn;
            self.idle_from_now();
        }
        handled
    }

    fn idle_from_now(&mut self) {
        self.in_header = false;
        self.read_by = Instant::now() + self.limits.idle_timeout;
    }

    fn bytes_came(&mut self) {
        if !self.is_handled() && !self.in_header {
            self.in_header = true;
            self.read_by = Instant::now() + self.limits.header_timeout;
        }
    }

    /// Waits for the earliest deadline, and fails once it is over.
    fn pending<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let read_by = if self.is_handled() { None } else { Some(self.read_by) };
        let Some(due) = [read_by, self.write_by].into_iter().flatten().min() else {
            return Poll::Pending;
        };
        if self.timer.deadline() > due {
            self.timer.as_mut().reset(due);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn after_write(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.write_by = None;
            self.idle_from_now();
            return written;
        }
        let limit = self.limits.write_timeout;
        self.write_by.get_or_insert_with(|| Instant::now() + limit);
        self.pending(context)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Deadlines<I> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(context, buffer);
        if read.is_pending() {
            return this.pending(context);
        }
        if buffer.filled().len() > before {
            this.bytes_came();
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Deadlines<I> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(context, bytes);
        this.after_write(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(context, buffers);
        this.after_write(written, context)
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
