//! What a database says when it can't or won't just now: the batch is held, and nothing is set aside.

use tests::proxy::{
    Fate, Passing, Rule, Side,
    postgres::{AUTHENTICATION, done, error},
};

use super::{RECOVERY, before_database, until, watched};

/// A refusal with an SQLSTATE.
struct Refusal {
    code: &'static str,
    text: &'static str,
    when: When,
}

/// When it is said, and whether it is the end of the connection.
#[derive(PartialEq)]
enum When {
    /// Instead of what an insert has done.
    Inserting,
    /// The same, and then the connection ends.
    InsertingAtLast,
    /// Instead of the welcome.
    Connecting,
}

const REFUSALS: [Refusal; 4] = [
    Refusal { code: "40P01", text: "deadlock detected", when: When::Inserting },
    Refusal { code: "25006", text: "cannot execute INSERT in a read-only transaction", when: When::Inserting },
    Refusal { code: "57P01", text: "terminating connection due to administrator command", when: When::InsertingAtLast },
    Refusal { code: "53300", text: "sorry, too many clients already", when: When::Connecting },
];

/// Says it so often.
struct Refused {
    refusal: &'static Refusal,
    left: usize,
}

impl Rule for Refused {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        let Refusal { code, text, when } = self.refusal;
        let is_due = match when {
            When::Connecting => message.bytes.first() == Some(&AUTHENTICATION),
            When::Inserting | When::InsertingAtLast => {
                done(message.bytes).is_some_and(|done| done.starts_with("INSERT"))
            }
        };
        if message.from == Side::Client || !is_due || self.left == 0 {
            return Fate::Passes;
        }
        self.left -= 1;
        match when {
            When::Inserting => Fate::Becomes { onward: error("ERROR", code, text), back: Vec::new() },
            When::InsertingAtLast | When::Connecting => Fate::Ends(error("FATAL", code, text)),
        }
    }
}

#[tokio::test]
async fn what_the_database_refuses_for_now_is_held_and_stored_and_never_set_aside() {
    let (scene, proxy) = before_database(&[]).await;
    let nemesis = async {
        let mut longest = std::time::Duration::ZERO;
        for (percent, refusal) in (10..).step_by(20).zip(&REFUSALS) {
            scene.begun(percent).await;
            let rule = watched(&proxy, Refused { refusal, left: 5 });
            if refusal.when == When::Connecting {
                proxy.cut();
            }
            until(&rule, |rule| rule.left == 0).await;
            let recovered = scene.drained().await;
            println!("database says {}: recovered {recovered:.1?}", refusal.code);
            longest = longest.max(recovered);
        }
        longest
    };
    let recovered = scene.under_load(nemesis).await;
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("refusals of the database", recovered).await;
    assert!(scene.metric("worker", "affitor_worker_batches_held_total").await >= 10);
    assert!(recovered < RECOVERY, "{recovered:?}");
}
