//! Programs of a test's own in a pipeline that tests share: nothing one test does is seen by another.

use std::{fs::File, io::Read};

use domain::{ApiKey, ClickId, LinkId, PartnerId, ProgramId, Timestamp, timestamp::Span};
use store::NewProgram;

use crate::{Pipeline, unique_name};

/// A program with two partners and everything needed to send for it.
#[derive(Debug)]
pub struct TestProgram {
    /// Its number.
    pub id: ProgramId,
    /// A key that is valid.
    pub api_key: String,
    /// The code of the first partner's link.
    pub code: String,
    /// The code of the second partner's link.
    pub second_code: String,
    /// The code of a link that is switched off.
    pub inactive_code: String,
    /// Whose `code` is.
    pub partner: PartnerId,
    /// The link of `code`.
    pub link: LinkId,
}

impl Pipeline {
    /// Makes a program with the default settings.
    pub async fn program(&self) -> TestProgram {
        self.program_with(|_| {}).await
    }

    /// Makes a program with other settings.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn program_with(&self, adjust: impl FnOnce(&mut NewProgram)) -> TestProgram {
        let store = self.store().await;
        let mut new = NewProgram::named("Test shop");
        adjust(&mut new);
        let id = store.create_program(new).await.expect("a program").program_id;
        let partner = store.create_partner(id, "First").await.expect("a partner").partner_id;
        let second = store.create_partner(id, "Second").await.expect("a partner").partner_id;
        let codes = ["A", "B", "OFF"].map(unique_name);
        let link = store.create_link(id, partner, Some(codes[0].clone())).await.expect("a link").link_id;
        store.create_link(id, second, Some(codes[1].clone())).await.expect("a link");
        store.create_link(id, partner, Some(codes[2].clone())).await.expect("a link");
        store.disable_link(id, &codes[2]).await.expect("the link is there");
        let (_, key) = store.create_key(id, "test", entropy()).await.expect("a key");
        store.close().await;
        let [code, second_code, inactive_code] = codes;
        let api_key = key.text().to_owned();
        TestProgram { id, api_key, code, second_code, inactive_code, partner, link }
    }

    /// A genuine click id of the program's first partner, of a click that nobody made so many seconds ago.
    pub fn mint_click(&self, program: &TestProgram, seconds_ago: i64) -> ClickId {
        let (at, secrets) = (now() + Span::seconds(-seconds_ago), self.click_secrets());
        ClickId::mint(program.id, Some(program.partner), false, at, random(), &secrets)
    }

    /// The text of a click id, as it stands in the visitor's cookie.
    ///
    /// # Panics
    /// When its secret is not this pipeline's.
    pub fn cookie(&self, click: ClickId) -> String {
        click.text(&self.click_secrets()).expect("signed with a secret of this pipeline")
    }
}

fn entropy<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut random = File::open("/dev/urandom").expect("the system has random numbers");
    random.read_exact(&mut bytes).expect("the system has random numbers");
    bytes
}

fn random() -> u64 {
    u64::from_le_bytes(entropy())
}

/// What a fresh key is made of.
pub fn key_entropy() -> [u8; ApiKey::ENTROPY] {
    entropy()
}

/// Now, by the clock that all processes of a test share.
///
/// # Panics
/// When the clock is not past 1970.
pub fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
    Timestamp::from_micros(i64::try_from(since.as_micros()).expect("not that late"))
}
