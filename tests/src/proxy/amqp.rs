//! AMQP 0-9-1 as far as rules read and say it: a frame is type, channel, size, payload and 0xCE, and the payload of a
//! method begins with its class and number. Called by the rules of tests.

/// Class and number.
pub type Method = (u16, u16);

/// The broker takes no messages on this connection.
pub const BLOCKED: Method = (10, 60);
/// It takes them again.
pub const UNBLOCKED: Method = (10, 61);
/// A channel is opened.
pub const OPEN: Method = (20, 10);
/// A channel is closed by either side.
pub const CLOSE: Method = (20, 40);
/// The other side has seen it.
pub const CLOSE_OK: Method = (20, 41);
/// A message to the broker.
pub const PUBLISH: Method = (60, 40);
/// A confirm from the broker, or an acknowledgement to it.
pub const ACK: Method = (60, 80);
/// The broker refuses a message.
pub const NACK: Method = (60, 120);

const METHOD: u8 = 1;
const END: u8 = 0xCE;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The channel, 0 for the connection itself.
    pub channel: u16,
    /// None for the header, the body of a message, and heartbeats.
    pub method: Option<Method>,
    /// What follows class and number.
    pub arguments: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame; none if it is the greeting.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<7>()?;
        let (end, payload) = rest.split_last()?;
        let channel = u16::from_be_bytes([head[1], head[2]]);
        match payload.split_first_chunk::<4>() {
            _ if *end != END => None,
            Some(([a, b, c, d], arguments)) if head[0] == METHOD => {
                let method = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                Some(Self { channel, method: Some(method), arguments })
            }
            _ => Some(Self { channel, method: None, arguments: &[] }),
        }
    }
}

/// A method's frame.
///
/// # Panics
/// When the arguments are longer than a frame may be.
pub fn method(channel: u16, method: Method, arguments: &[u8]) -> Vec<u8> {
    let size = u32::try_from(arguments.len() + 4).expect("a short method");
    let mut frame = vec![METHOD];
    frame.extend(channel.to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend([method.0, method.1].map(u16::to_be_bytes).concat());
    frame.extend(arguments);
    frame.push(END);
    frame
}

/// A confirm, a refusal or an acknowledgement of that one message.
pub fn settle(channel: u16, ack_or_nack: Method, tag: u64) -> Vec<u8> {
    method(channel, ack_or_nack, &[&tag.to_be_bytes()[..], &[0]].concat())
}

/// The end of a channel, with its reason.
pub fn close(channel: u16, code: u16, text: &str) -> Vec<u8> {
    method(channel, CLOSE, &[&code.to_be_bytes()[..], &short(text), &[0; 4]].concat())
}

/// The broker's reason not to take messages on a connection.
pub fn blocked(text: &str) -> Vec<u8> {
    method(0, BLOCKED, &short(text))
}

/// A text of at most 255 bytes.
fn short(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[length], text.as_bytes()].concat()
}
