//! Lanes as a worker has them, without the broker: each takes the next batch when the last one is applied.

use crate::cpu::{Clock, Cost};
use crate::database::Database;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use store::Session;
use store::batch::Batch;

pub(crate) async fn sessions(database: &Database, lanes: usize) -> Vec<Session> {
    let mut sessions: Vec<Session> = (0..lanes).map(|_| database.store.session()).collect();
    for session in &mut sessions {
        session.apply(&Batch::default()).await.unwrap();
    }
    sessions
}

/// Applies the batches, and says what it took.
pub(crate) async fn drain(database: &Database, sessions: &mut Vec<Session>, batches: Vec<Batch>) -> Cost {
    let clock = Clock::start(database).await;
    let queue = Arc::new(Mutex::new(VecDeque::from(batches)));
    let lanes: Vec<_> = sessions
        .drain(..)
        .map(|mut session| {
            let queue = queue.clone();
            tokio::spawn(async move {
                while let Some(batch) = next(&queue) {
                    session.apply(&batch).await.unwrap();
                }
                session
            })
        })
        .collect();
    for lane in lanes {
        sessions.push(lane.await.unwrap());
    }
    clock.stop()
}

fn next(queue: &Mutex<VecDeque<Batch>>) -> Option<Batch> {
    queue.lock().unwrap().pop_front()
}
