//! The command line of the tally, for `tests/run.sh`: names the tests of a listing, or reports on a run.

use std::{env, fs, io, process::ExitCode};

use tests::tally::{Report, Suites, names};

const USAGE: &str = "usage: tally names MESSAGES LISTING | tally report MESSAGES LISTING OUTPUT STATUS [EXPECTED]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["names", messages, listing] => print_names(messages, listing),
        ["report", messages, listing, output, status] => report(messages, listing, output, status, None),
        ["report", messages, listing, output, status, expected] => {
            report(messages, listing, output, status, Some(expected))
        }
        _ => Err(io::Error::other(USAGE)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("tally: {error}");
        ExitCode::FAILURE
    })
}

fn print_names(messages: &str, listing: &str) -> io::Result<ExitCode> {
    let suites = Suites::from_messages(&read(messages)?);
    for name in names(&suites, &read(listing)?) {
        println!("{name}");
    }
    Ok(ExitCode::SUCCESS)
}

fn report(messages: &str, listing: &str, output: &str, status: &str, expected: Option<&str>) -> io::Result<ExitCode> {
    let suites = Suites::from_messages(&read(messages)?);
    let listing = read(listing)?;
    let mut report = Report::new(&suites, &listing, &read(output)?, expected.is_none());
    if let Some(expected) = expected {
        report.expect(&names(&suites, &listing), &read(expected)?);
    }
    report.cargo_exited(status);
    print!("{report}");
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tests may print anything, so the text need not be UTF-8.
fn read(path: &str) -> io::Result<String> {
    let bytes = fs::read(path).map_err(|error| io::Error::other(format!("{path}: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
