//! PostgreSQL's protocol, version 3, as far as rules read and say it: a tag and a length that counts itself. Called by
//! the rules of tests.

/// The server says that a connection may be used, or asks for a password.
pub const AUTHENTICATION: u8 = b'R';
/// The server is done with what it was asked, whatever became of it.
pub const READY: u8 = b'Z';

const COMMAND_COMPLETE: u8 = b'C';
const ERROR: u8 = b'E';

/// What the server says that a statement has done, such as `COMMIT` or `INSERT 0 7`.
pub fn done(bytes: &[u8]) -> Option<&str> {
    let text = bytes.strip_prefix(&[COMMAND_COMPLETE])?.get(4..)?.strip_suffix(&[0])?;
    str::from_utf8(text).ok()
}

/// The server's refusal with that SQLSTATE; `FATAL` is the last thing it says on a connection.
///
/// # Panics
/// When the text is longer than a message may be.
pub fn error(severity: &str, code: &str, text: &str) -> Vec<u8> {
    let fields: String = [('S', severity), ('V', severity), ('C', code), ('M', text)]
        .map(|(kind, value)| format!("{kind}{value}\0"))
        .concat();
    let length = u32::try_from(fields.len() + 5).expect("a short text");
    [&[ERROR], &length.to_be_bytes()[..], fields.as_bytes(), &[0]].concat()
}
