//! What Postgres says of itself.

use super::Postgres;
use crate::StoreError;
use crate::diagnosis::{DatabaseSetting, Diagnosis};
use domain::Timestamp;

const VERSION: &str =
    concat!("/* diagnosis */ SELECT current_setting('server_version'), ", micros!("clock_timestamp()"));

const SETTING: &str = "/* diagnosis: a setting */ SELECT current_setting($1)";

/// Without the first two a commit may be gone after a power cut; the third is forced on every session; emails, keys and
/// titles are any Unicode.
const EXPECTED: [(&str, &str); 4] =
    [("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on"), ("server_encoding", "UTF8")];

impl Postgres {
    pub(crate) async fn diagnosis(&self) -> Result<Diagnosis, StoreError> {
        let mut connection = self.pooled().await?;
        let (version, now) = sqlx::query_as(VERSION).fetch_one(&mut *connection).await?;
        let mut settings = Vec::new();
        for (name, expected) in EXPECTED {
            let value = sqlx::query_scalar(SETTING).bind(name).fetch_one(&mut *connection).await?;
            settings.push(DatabaseSetting { name: name.to_owned(), value, expected });
        }
        Ok(Diagnosis { version, now: Timestamp::from_micros(now), settings })
    }
}
