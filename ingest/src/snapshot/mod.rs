//! Programs, links and keys in memory, kept fresh from the store by one task; requests never wait for the store
//! unless they name something that is not known yet.
//!
//! Look-ups are coalesced: whoever needs one waits for the next refresh that began after it asked.

mod disk;
mod known;
mod misses;
mod patience;
mod refresh;

pub(crate) use refresh::Refresher;

use arc_swap::ArcSwap;
use domain::api_key::ParsedKey;
use domain::{ProgramId, Timestamp};
use known::Known;
use misses::{Misses, Missing};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Link, Program};
use tokio::sync::{Notify, watch};

/// How long a request waits for a look-up before it is told that the store is away.
const LOOK_UP_DEADLINE: Duration = Duration::from_secs(2);

/// The store could not be asked about something that is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreAway;

/// What requests ask; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshots(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: ArcSwap<Known>,
    misses: Misses,
    /// Counts look-ups asked for.
    asked: AtomicU64,
    wanted: Notify,
    refreshed: watch::Sender<Refreshed>,
}

/// The last refresh that ended.
#[derive(Debug, Clone, Copy, Default)]
struct Refreshed {
    /// It answers all look-ups asked for up to this one.
    answers: u64,
    worked: bool,
}

impl Snapshots {
    /// The program of that number, if it is there and active.
    pub(crate) async fn program(&self, program: ProgramId) -> Result<Option<Arc<Program>>, StoreAway> {
        Ok(self.program_in_any_state(program).await?.filter(|program| program.active))
    }

    /// The program of that number, active or not.
    pub(crate) async fn program_in_any_state(&self, program: ProgramId) -> Result<Option<Arc<Program>>, StoreAway> {
        self.find(|| Missing::Program(program), |known| known.program(program)).await
    }

    /// The program of that number, active or not, as far as it is known.
    pub(crate) fn known_program(&self, program: ProgramId) -> Option<Arc<Program>> {
        self.0.known.load().program(program)
    }

    /// The link of that code, active or not, as far as it is known.
    pub(crate) fn known_link(&self, code: &str) -> Option<Arc<Link>> {
        self.0.known.load().link(code)
    }

    /// The link of that code, active or not.
    pub(crate) async fn link(&self, code: &str) -> Result<Option<Arc<Link>>, StoreAway> {
        if !is_link_code(code) {
            return Ok(None);
        }
        self.find(|| Missing::Link(code.to_owned()), |known| known.link(code)).await
    }

    /// The oldest active link of a program, as far as it is known.
    pub(crate) fn first_link(&self, program: ProgramId) -> Option<Arc<Link>> {
        self.0.known.load().first_link(program)
    }

    /// The active program that a key speaks for. Unknown, revoked and wrong keys cost the same comparison and the same
    /// look-up: how long a refusal takes tells nothing.
    pub(crate) async fn key(&self, key: ParsedKey<'_>, now: Timestamp) -> Result<Option<Arc<Program>>, StoreAway> {
        let admitting = |known: &Known| {
            let digest = known.key(key.key_id());
            if digest.is_none() {
                std::hint::black_box(key.has_digest(&[0; 32]));
            }
            digest.filter(|digest| digest.admits(key, now))
        };
        match self.find(|| Missing::Key(key.key_id().to_owned()), admitting).await? {
            Some(digest) => self.program(digest.program_id).await,
            None => Ok(None),
        }
    }

    async fn find<T>(
        &self,
        missing: impl Fn() -> Missing,
        look: impl Fn(&Known) -> Option<T>,
    ) -> Result<Option<T>, StoreAway> {
        if let Some(found) = look(&self.0.known.load()) {
            return Ok(Some(found));
        }
        let missing = missing();
        if self.0.misses.is_fresh(&missing, Instant::now()) {
            return Ok(None);
        }
        self.look_up().await?;
        let found = look(&self.0.known.load());
        if found.is_none() {
            self.0.misses.remember(missing, Instant::now());
        }
        Ok(found)
    }

    /// Waits for a refresh that began after this was called.
    async fn look_up(&self) -> Result<(), StoreAway> {
        let mut refreshed = self.0.refreshed.subscribe();
        let place = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.wanted.notify_one();
        let answered = refreshed.wait_for(|refreshed| refreshed.answers >= place);
        match tokio::time::timeout(LOOK_UP_DEADLINE, answered).await {
            Ok(Ok(refreshed)) if refreshed.worked => Ok(()),
            Ok(_) | Err(_) => Err(StoreAway),
        }
    }
}

/// What cannot be a code is never looked up.
fn is_link_code(code: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&code.len()) && code.bytes().all(is_plain)
}
