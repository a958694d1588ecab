//! What the store promises, tried on both databases. Runs against a real server named by `TEST_DATABASE_URL`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Makes two tests of each function `async fn name(stage: &Stage)`: one on Postgres, one on SQLite.
macro_rules! on_both {
    ($($name:ident,)*) => {
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&crate::stage::Stage::postgres().await).await;
            })*
        }
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&crate::stage::Stage::sqlite().await).await;
            })*
        }
    };
}

mod apply;
mod audit;
mod connect;
mod dead_letters;
mod dump;
mod guards;
mod maintenance;
mod programs;
mod reads;
mod stage;
