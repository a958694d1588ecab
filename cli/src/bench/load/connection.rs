//! One kept connection: writes a request that is ready to be sent, reads just enough of the answer.

use super::tally::Answer;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEAD_END: &[u8] = b"\r\n\r\n";
const LENGTH: &[u8] = b"content-length: ";
const BUFFER: usize = 8 * 1_024;

pub(in crate::bench) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(in crate::bench) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, answer: Vec::with_capacity(BUFFER) })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// Neither the answer of one that was taken nor a 503, as a sentence.
    pub(in crate::bench) async fn ask(&mut self, request: &[u8], success: &[u8]) -> Result<Answer, String> {
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        self.answer.clear();
        loop {
            if let Some(body_at) = whole(&self.answer) {
                return judge(&self.answer, body_at, success);
            }
            match self.stream.read_buf(&mut self.answer).await {
                Ok(0) => return Err("the connection was closed".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Where the body begins, once all of it is there.
fn whole(answer: &[u8]) -> Option<usize> {
    let head_end = answer.windows(HEAD_END.len()).position(|bytes| bytes == HEAD_END)?;
    let head = &answer[..head_end];
    let length_at = head.windows(LENGTH.len()).position(|bytes| bytes == LENGTH)? + LENGTH.len();
    let digits = head[length_at..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0_usize, |length, digit| length * 10 + usize::from(digit - b'0'));
    let body_at = head_end + HEAD_END.len();
    (answer.len() >= body_at + length).then_some(body_at)
}

fn judge(answer: &[u8], body_at: usize, success: &[u8]) -> Result<Answer, String> {
    match answer.get(9..12) {
        Some(b"200") if answer[body_at..].starts_with(success) => Ok(Answer::Taken),
        Some(b"503") => Ok(Answer::Refused),
        _ => Err(String::from_utf8_lossy(answer).lines().collect::<Vec<_>>().join(" ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 16\r\n\r\n{\"success\":true}";

    #[test]
    fn an_answer_is_whole_with_the_last_byte_of_its_body() {
        for end in 0..TAKEN.len() {
            assert_eq!(whole(&TAKEN[..end]), None, "{end}");
        }
        assert_eq!(whole(TAKEN), Some(TAKEN.len() - 16));
    }

    #[test]
    fn only_a_success_is_taken() {
        let at = whole(TAKEN).unwrap();
        assert_eq!(judge(TAKEN, at, b"{\"success\":true"), Ok(Answer::Taken));
        assert!(judge(TAKEN, at, b"{\"success\":false").is_err());
        let away = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(judge(away, away.len(), b"{"), Ok(Answer::Refused));
        let error = b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n";
        assert!(judge(error, error.len(), b"{").unwrap_err().starts_with("HTTP/1.1 500 Oh"));
    }
}
