//! The way back: what became of a pack is told to the requests of each runtime by a task on that runtime.
//!
//! Called by slots. Bounded without a bound of its own: a runtime that does not come to its answers takes no requests
//! either.

use super::buffer::{Answer, Waiting};
use runtime::lifecycle::Supervisor;
use std::convert::Infallible;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// Events of one runtime's requests, and what became of them.
type Answered = (Vec<Waiting>, Answer);

/// One way for each runtime. The tasks end with the last clone.
#[derive(Debug, Clone)]
pub(super) struct Answering(Vec<UnboundedSender<Answered>>);

impl Answering {
    pub(super) fn start(runtimes: &[Handle], supervisor: &mut Supervisor) -> Self {
        let start = |runtime| {
            let (sender, receiver) = mpsc::unbounded_channel();
            supervisor.spawn_on("answers", tell_all(receiver), runtime);
            sender
        };
        Answering(runtimes.iter().map(start).collect())
    }

    /// Tells every request of the pack.
    pub(super) fn tell(&self, pack: Vec<Waiting>, answer: Answer) {
        let [only] = self.0.as_slice() else {
            let mut each: Vec<_> = self.0.iter().map(|_| Vec::new()).collect();
            for waiting in pack {
                each[waiting.seat].push(waiting);
            }
            for (sender, own) in self.0.iter().zip(each).filter(|(_, own)| !own.is_empty()) {
                // A runtime that is gone has no requests either.
                let _gone = sender.send((own, answer));
            }
            return;
        };
        let _gone = only.send((pack, answer));
    }
}

async fn tell_all(mut answered: UnboundedReceiver<Answered>) -> Result<(), Infallible> {
    while let Some((pack, answer)) = answered.recv().await {
        for waiting in pack {
            // A request that is gone needs no answer.
            let _gone = waiting.answer.send(answer);
        }
    }
    Ok(())
}
