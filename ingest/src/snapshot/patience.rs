//! How long a read of the store is waited for: a connection that has gone silent must not end all refreshes.
//!
//! Only the waiting ends. The read itself is left alone, so that no statement is cut off in the middle; until its
//! connection ends it keeps that one from the pool, whose own bound is therefore the bound on how many can be left.

use std::time::Duration;
use store::StoreError;
use tokio::task::JoinHandle;

/// Far longer than reading what has changed takes.
const USUAL: Duration = Duration::from_secs(10);

/// Reading everything may be slow. Each read that was given up lets the next one take twice as long, up to this.
const LONGEST: Duration = Duration::from_secs(320);

/// How long the next read may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Patience(USUAL)
    }
}

impl Patience {
    /// What a read that is under way brings.
    pub(super) async fn wait_for<T>(&mut self, reading: JoinHandle<Result<T, StoreError>>) -> Result<T, StoreError> {
        let Ok(read) = tokio::time::timeout(self.0, reading).await else {
            let waited = self.0.as_secs();
            self.0 = (self.0 * 2).min(LONGEST);
            return Err(StoreError::Away(format!("no answer within {waited} s")));
        };
        *self = Patience::default();
        read.unwrap_or_else(|gone| Err(StoreError::Away(gone.to_string())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use tokio::sync::oneshot;
    use tokio::time::{Instant, sleep};

    #[tokio::test(start_paused = true)]
    async fn a_silent_read_is_given_up_and_not_cut_off() {
        let mut patience = Patience::default();
        let (told, ended) = oneshot::channel();
        let reading = tokio::spawn(async move {
            sleep(USUAL * 3).await;
            told.send(()).unwrap();
            Ok(())
        });
        let began = Instant::now();
        let error = patience.wait_for(reading).await.unwrap_err();
        assert!(matches!(&error, StoreError::Away(reason) if reason == "no answer within 10 s"), "{error}");
        assert_eq!(began.elapsed(), USUAL);
        ended.await.expect("it has come to its end");
    }

    #[tokio::test(start_paused = true)]
    async fn after_each_read_that_was_given_up_the_next_may_take_longer_until_one_answers() {
        let mut patience = Patience::default();
        let mut waited = Vec::new();
        for _ in 0..7 {
            let began = Instant::now();
            patience.wait_for(tokio::spawn(std::future::pending::<Result<(), _>>())).await.unwrap_err();
            waited.push(began.elapsed().as_secs());
        }
        assert_eq!(waited, [10, 20, 40, 80, 160, 320, 320]);
        patience.wait_for(tokio::spawn(async { Err::<(), _>(StoreError::Away("no".into())) })).await.unwrap_err();
        assert_eq!(patience, Patience::default(), "an error is an answer too");
    }
}
