//! All whole-system tests: one module a topic. They need the servers that `tests/run.sh` starts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Runs each of the named functions as a test on either shape of the product.
macro_rules! on_both_shapes {
    ($($test:ident)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $test() {
                super::$test(tests::Pipeline::shared(tests::Shape::Embedded).await).await;
            })*
        }
        mod servers {
            $(#[tokio::test]
            async fn $test() {
                super::$test(tests::Pipeline::shared(tests::Shape::Servers).await).await;
            })*
        }
    };
}

mod bad_input;
mod bench;
mod browser;
mod contract;
mod documents;
mod embedded;
mod faults;
mod harness;
mod ledger;
mod metrics;
mod poison;
mod production;
mod published_examples;
mod raw_http;
mod replay;
