//! Where the bench measures: a database, queues and a directory of its own, on servers of this machine.
//!
//! Made before and taken away after, whatever happens in between; only a bench that is killed leaves them behind, under
//! names that begin with `affitor_bench_` and `bench.`.

pub(super) use super::local_servers::BenchServers;
use super::words::cannot;
use crate::failure::Failure;
use domain::keyring::Keyring;
use domain::{ApiKey, PartnerId, ProgramId};
use runtime::config::Settings;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use store::{NewProgram, Store};
use tempfile::TempDir;
use time::OffsetDateTime;

const SECRET_BYTES: usize = 32;

/// The ground of one bench.
pub(super) struct Place {
    /// Lower-case letters and digits, in every name.
    pub(super) id: String,
    /// The servers, unless none were named.
    pub(super) servers: Option<BenchServers>,
    /// For state and embedded stores.
    pub(super) directory: TempDir,
    /// The one program, with its key.
    pub(super) program: ProgramId,
    pub(super) partner: PartnerId,
    pub(super) key: String,
    pub(super) click_secret: Keyring,
    pub(super) email_pepper: Keyring,
    environment: Vec<(String, String)>,
    key_entropy: [u8; ApiKey::ENTROPY],
}

impl Place {
    /// Makes everything.
    ///
    /// # Errors
    /// The servers are on another machine, cannot be reached, or refuse.
    pub(super) async fn prepare(settings: &Settings, config: Option<&Path>) -> Result<Self, Failure> {
        let id = format!("{:x}", OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000);
        let servers = BenchServers::named(settings, &id)?;
        let directory = TempDir::with_prefix("affitor-bench-").map_err(Failure::system("no temporary directory"))?;
        let (click, email, key_entropy) = (random()?, random()?, random()?);
        let keyring = |secret: &[u8; SECRET_BYTES]| {
            Keyring::new([('b', secret)]).map_err(cannot("the bench's own secrets cannot be used"))
        };
        let mut environment = vec![
            ("AFFITOR_SECRETS__CLICK_SECRET".to_owned(), entry(&click)),
            ("AFFITOR_SECRETS__EMAIL_PEPPER".to_owned(), entry(&email)),
            ("AFFITOR_LOG__FILTER".to_owned(), "error".to_owned()),
            ("AFFITOR_LOG__FORMAT".to_owned(), "pretty".to_owned()),
        ];
        if let Some(config) = config {
            environment.push(("AFFITOR_CONFIG".to_owned(), config.display().to_string()));
        }
        if let Some(servers) = &servers {
            environment.extend(servers.environment());
        }
        let (program, partner) = (number(ProgramId::new(1))?, number(PartnerId::new(1))?);
        let place = Place {
            id,
            servers,
            directory,
            program,
            partner,
            key: ApiKey::mint(key_entropy).text().to_owned(),
            click_secret: keyring(&click)?,
            email_pepper: keyring(&email)?,
            environment,
            key_entropy,
        };
        if let Err(failure) = place.fill().await {
            // The first failure tells more than one of the clean-up.
            let _ = place.clear().await;
            return Err(failure);
        }
        Ok(place)
    }

    /// The servers, or what has to be said when none were named.
    ///
    /// # Errors
    /// None were named.
    pub(super) fn servers(&self) -> Result<&BenchServers, Failure> {
        let text = "this part needs RabbitMQ and PostgreSQL on this machine: name them with --amqp and --database";
        self.servers.as_ref().ok_or_else(|| Failure::Usage(text.to_owned()))
    }

    /// What every process of the bench finds in its environment.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// A directory that nobody else uses.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn fresh_directory(&self) -> Result<PathBuf, Failure> {
        let made = TempDir::new_in(self.directory.path()).map_err(Failure::system("no directory for the bench"))?;
        // It goes with the one that it lies in.
        Ok(made.keep())
    }

    /// Makes the one program with its key in a store that has none.
    ///
    /// # Errors
    /// The store refuses.
    pub(super) async fn make_program(&self, store: &Store) -> Result<(), Failure> {
        let program = store.create_program(NewProgram::named("bench")).await?.program_id;
        let partner = store.create_partner(program, "bench").await?.partner_id;
        store.create_link(program, partner, Some("BENCH".to_owned())).await?;
        store.create_key(program, "bench", self.key_entropy).await?;
        if (program, partner) == (self.program, self.partner) {
            Ok(())
        } else {
            Err(Failure::Found("the bench's database was not empty".to_owned()))
        }
    }

    async fn fill(&self) -> Result<(), Failure> {
        let Some(servers) = &self.servers else { return Ok(()) };
        servers.create_database().await?;
        let store = servers.store().await?;
        store.migrate().await?;
        let filled = self.make_program(&store).await;
        store.close().await;
        filled
    }

    /// Takes everything away again.
    ///
    /// # Errors
    /// Something could not be taken away.
    pub(super) async fn clear(&self) -> Result<(), Failure> {
        let Some(servers) = &self.servers else { return Ok(()) };
        let queues = servers.delete_queues().await;
        servers.drop_databases().await?;
        queues
    }
}

fn number<N>(number: Option<N>) -> Result<N, Failure> {
    number.ok_or_else(|| Failure::Found("1 is no number of a program".to_owned()))
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A secret as settings write it.
fn entry(secret: &[u8]) -> String {
    let mut text = String::from("b:");
    for byte in secret {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_secret_is_written_as_settings_read_it() {
        assert_eq!(entry(&[0, 255]), "b:00ff");
    }
}
