//! Drives many connections from one thread: as fast as answers come, or at a steady rate.

use super::connection::Connection;
use super::schedule::Schedule;
use super::tally::Tally;
use super::{Leads, Target};
use crate::bench::machine::Watch;
use crate::bench::words::cannot;
use crate::failure::Failure;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

/// Who offers more than is taken stops asking so long after the end.
const GRACE: Duration = Duration::from_secs(1);

/// A steady rate.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Rate {
    /// Requests a second.
    pub(in crate::bench) per_second: f64,
    pub(in crate::bench) since: Since,
}

/// From when latencies count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Since {
    /// When the request was due: whoever waits to be served waits too while a connection is busy.
    Due,
    /// When it was sent: more is due than this machine can send.
    Sent,
}

/// What all connections of one thread share.
struct Shared {
    leads: RefCell<Leads>,
    tally: RefCell<Tally>,
    success: Vec<u8>,
    per_request: u64,
}

impl Shared {
    /// Sends one request; the latency counts from `since`. `false` when the connection is of no use any more.
    async fn ask(&self, connection: &mut Connection, request: &mut Vec<u8>, since: Option<Instant>) -> bool {
        self.leads.borrow_mut().request(request);
        let since = since.unwrap_or_else(Instant::now);
        let answer = connection.ask(request, &self.success).await;
        let goes_on = answer.is_ok();
        self.tally.borrow_mut().count(answer, self.per_request, since.elapsed());
        goes_on
    }
}

/// Every connection sends its next request as soon as the last one is answered.
///
/// # Errors
/// The connections cannot be opened.
pub(in crate::bench) async fn closed(
    target: &Target,
    leads: Leads,
    connections: usize,
    turn: Duration,
    watch: Watch,
) -> Result<Tally, Failure> {
    let each = async move |shared: Rc<Shared>, mut connection: Connection, begin: Instant| {
        let mut request = Vec::new();
        while begin.elapsed() < turn && shared.ask(&mut connection, &mut request, None).await {}
    };
    in_a_thread(target.clone(), leads, connections, watch, move || Ok(each)).await
}

/// Requests are sent at a steady rate, whether or not earlier ones are answered, as far as there are connections.
///
/// # Errors
/// The connections cannot be opened.
pub(in crate::bench) async fn open(
    target: &Target,
    leads: Leads,
    connections: usize,
    rate: Rate,
    turn: Duration,
    watch: Watch,
) -> Result<Tally, Failure> {
    let prepare = move || {
        let permits = Arc::new(Semaphore::new(0));
        let schedule = Schedule::new(rate.per_second, turn);
        schedule.release(&permits, connections).map_err(Failure::system("no thread can be started"))?;
        let sent = Rc::new(Cell::new(0));
        Ok(async move |shared: Rc<Shared>, mut connection: Connection, begin: Instant| {
            let mut request = Vec::new();
            while let Ok(permit) = permits.acquire().await {
                permit.forget();
                let place = sent.replace(sent.get() + 1);
                if place >= schedule.requests() || begin.elapsed() > turn + GRACE {
                    break;
                }
                let since = (rate.since == Since::Due).then(|| schedule.due(place));
                if !shared.ask(&mut connection, &mut request, since).await {
                    break;
                }
            }
        })
    };
    in_a_thread(target.clone(), leads, connections, watch, prepare).await
}

async fn in_a_thread<F>(
    target: Target,
    leads: Leads,
    connections: usize,
    watch: Watch,
    prepare: impl FnOnce() -> Result<F, Failure> + Send + 'static,
) -> Result<Tally, Failure>
where
    F: AsyncFn(Rc<Shared>, Connection, Instant) + 'static,
{
    let work = move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::system("no runtime for the load"))?;
        LocalSet::new().block_on(&runtime, drive(target, leads, connections, watch, prepare))
    };
    tokio::task::spawn_blocking(work).await.map_err(cannot("the load ended early"))?
}

async fn drive<F>(
    target: Target,
    leads: Leads,
    connections: usize,
    watch: Watch,
    prepare: impl FnOnce() -> Result<F, Failure>,
) -> Result<Tally, Failure>
where
    F: AsyncFn(Rc<Shared>, Connection, Instant) + 'static,
{
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        let connection = Connection::open(target.address).await;
        opened.push(connection.map_err(Failure::system("the load cannot connect"))?);
    }
    let shared = Rc::new(Shared {
        per_request: leads.per_request(),
        leads: RefCell::new(leads),
        tally: RefCell::new(Tally::new()?),
        success: target.success.into_bytes(),
    });
    let before = watch.read();
    let (each, begin) = (Rc::new(prepare()?), Instant::now());
    let mut tasks = JoinSet::new();
    for connection in opened {
        let (each, shared) = (Rc::clone(&each), Rc::clone(&shared));
        tasks.spawn_local(async move { each(shared, connection, begin).await });
    }
    while tasks.join_next().await.is_some() {}
    let took = begin.elapsed();
    drop(each);
    let shared = Rc::into_inner(shared).ok_or_else(|| Failure::Found("the load ended badly".to_owned()))?;
    let mut tally = shared.tally.into_inner();
    (tally.took, tally.cpu) = (took, watch.since(&before));
    Ok(tally)
}
