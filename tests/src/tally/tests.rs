//! Runs as cargo prints them, good and bad, and what the tally makes of them.

use super::*;

const MESSAGES: &str = r#"
{"reason":"compiler-artifact","package_id":"path+file:///src/shared/domain#0.1.0","target":{"kind":["lib"],"name":"domain"},"profile":{"test":true},"executable":"/t/debug/deps/domain-1"}
{"reason":"compiler-artifact","package_id":"path+file:///src/cli#affitor@0.1.0","target":{"kind":["bin"],"name":"affitor"},"profile":{"test":true},"executable":"/t/debug/deps/affitor-2"}
{"reason":"compiler-artifact","package_id":"path+file:///src/tests#0.1.0","target":{"kind":["test"],"name":"system"},"profile":{"test":true},"executable":"/t/debug/deps/system-3"}
{"reason":"compiler-artifact","package_id":"path+file:///src/tests#0.1.0","target":{"kind":["bin"],"name":"tally"},"profile":{"test":false},"executable":"/t/debug/tally"}
{"reason":"build-finished","success":true}"#;

const LISTING: &str = "     Running unittests src/lib.rs (target/debug/deps/domain-1)\nlead::a: test\nlead::b: test\n\
    \x20    Running unittests src/main.rs (target/debug/deps/affitor-2)\n\
    \x20    Running tests/system/main.rs (target/debug/deps/system-3)\nharness::c: test\n\
    \x20  Doc-tests domain\nshared/domain/src/lib.rs - Lead (line 7): test\n";

fn result(passed: u64, failed: u64, ignored: u64) -> String {
    let word = if failed > 0 { "FAILED" } else { "ok" };
    format!(
        "test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in 0.50s\n"
    )
}

fn run(domain: &str, system: &str) -> String {
    format!(
        "     Running unittests src/lib.rs (target/debug/deps/domain-1)\n{domain}\
             Running unittests src/main.rs (target/debug/deps/affitor-2)\n{}\
             Running tests/system/main.rs (/t/debug/deps/system-3)\n{system}\
           Doc-tests domain\n{}{}",
        result(0, 0, 0),
        result(1, 0, 0),
        result(0, 0, 0)
    )
}

fn report(output: &str) -> Report {
    Report::new(&Suites::from_messages(MESSAGES), LISTING, output, false)
}

#[test]
fn names_carry_crate_and_target_and_no_line_numbers() {
    let found = names(&Suites::from_messages(MESSAGES), LISTING);
    let wanted = [
        "domain::doc::shared/domain/src/lib.rs - Lead",
        "domain::lib::lead::a",
        "domain::lib::lead::b",
        "tests::system::harness::c",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_good_run_ends_with_its_counts() {
    let report = report(&run(&result(2, 0, 0), &result(1, 0, 0)));
    assert!(report.is_good(), "{report}");
    assert!(report.to_string().ends_with("\n0 ignored\n4 passed, 0 failed\n"), "{report}");
    assert!(!report.to_string().contains("affitor::bin"), "a suite without tests is left out: {report}");
}

#[test]
fn what_tests_print_does_not_count() {
    let noise = "test result: ok. 900 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s\n\
        Running away (from here)\ntest lead::a ... test result: nonsense. 1 passed\nhalf a line test lead::b ... ok\n";
    let report = report(&run(&format!("{noise}{}", result(2, 0, 0)), &result(1, 0, 0)));
    assert!(report.is_good(), "{report}");
    assert_eq!(report.total().passed, 4);
}

#[test]
fn a_failed_test_fails_the_run() {
    let mut report = report(&run(&result(1, 1, 0), &result(1, 0, 0)));
    report.cargo_exited("101");
    assert!(!report.is_good());
    assert!(report.to_string().ends_with("\n3 passed, 1 failed\n"), "{report}");
}

#[test]
fn an_ignored_test_fails_the_run() {
    let report = report(&run(&result(1, 0, 1), &result(1, 0, 0)));
    assert!(!report.is_good());
    assert!(report.to_string().contains("FAULT: domain::lib ignores 1 tests"), "{report}");
}

#[test]
fn a_suite_that_crashed_counts_as_failed() {
    let report = report(&run(&result(2, 0, 0), "signal: 6, SIGABRT: process abort signal\n"));
    assert!(!report.is_good());
    assert_eq!(report.total().failed, 1);
}

#[test]
fn a_suite_that_ran_fewer_tests_than_it_lists_fails_the_run() {
    let report = report(&run(&result(1, 0, 0), &result(1, 0, 0)));
    assert!(report.to_string().contains("FAULT: domain::lib lists 2 tests and ran 1"), "{report}");
}

#[test]
fn a_test_that_the_committed_list_names_must_have_run() {
    let mut report = report(&run(&result(2, 0, 0), &result(1, 0, 0)));
    let names = names(&Suites::from_messages(MESSAGES), LISTING);
    report.expect(&names, "domain::lib::lead::a\ndomain::lib::lead::gone\n");
    assert!(report.to_string().contains("missing: domain::lib::lead::gone"), "{report}");
    assert!(report.to_string().contains("note: 3 tests are not in the list yet"), "{report}");
    assert!(!report.is_good());
}

#[test]
fn an_exit_of_cargo_without_a_failed_test_fails_the_run() {
    let mut report = report(&run(&result(2, 0, 0), &result(1, 0, 0)));
    report.cargo_exited("101");
    assert!(!report.is_good());
}
