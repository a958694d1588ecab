//! Which program an API key speaks for: asked of the store, and remembered for a second.
//!
//! A second is what a revoked key may go on working, and what a client that repeats a wrong key costs the store.
//! Misses are remembered like hits, so that an unknown key and a revoked one take the same way.

use domain::api_key::ApiKey;
use domain::{ProgramId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use store::{KeyDigest, Store, StoreError};

/// How long an answer of the store is believed.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Answers remembered at most, about 2 MB: past it the old ones go, and all if that is not enough.
const MAX_REMEMBERED: usize = 10_000;

/// The keys that were asked for lately.
pub(crate) struct Keys {
    store: Store,
    answers: Mutex<HashMap<String, Answer>>,
}

struct Answer {
    at: Instant,
    key: Option<KeyDigest>,
}

impl Keys {
    pub(crate) fn new(store: Store) -> Self {
        Keys { store, answers: Mutex::default() }
    }

    /// The program of that token; `None` for whatever is not a valid key. A mistyped one is told by its checksum.
    ///
    /// # Errors
    /// When the store does not answer: nobody can say then whether the key is right.
    pub(crate) async fn program_of(&self, token: &str) -> Result<Option<ProgramId>, StoreError> {
        let Ok(parsed) = ApiKey::parse(token) else { return Ok(None) };
        let known = match self.remembered(parsed.key_id()) {
            Some(answer) => answer,
            None => {
                let answer = self.store.key_by_id(parsed.key_id()).await?;
                self.remember(parsed.key_id(), answer.clone());
                answer
            }
        };
        Ok(known.filter(|key| key.admits(parsed, now())).map(|key| key.program_id))
    }

    fn remembered(&self, key_id: &str) -> Option<Option<KeyDigest>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(key_id).filter(|answer| answer.at.elapsed() < REMEMBERED)?;
        Some(answer.key.clone())
    }

    fn remember(&self, key_id: &str, key: Option<KeyDigest>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX_REMEMBERED {
            answers.retain(|_, answer| answer.at.elapsed() < REMEMBERED);
        }
        if answers.len() >= MAX_REMEMBERED {
            answers.clear();
        }
        answers.insert(key_id.to_owned(), Answer { at: Instant::now(), key });
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
