//! What may be asked about programs and keys. Checks the values, then asks the database that is there.

use super::{Key, Link, NewProgram, Partner, Program, ProgramChange, Snapshot, rules};
use crate::{Store, StoreError, either};
use domain::{ApiKey, PartnerId, ProgramId, Timestamp};

/// Letters and digits of a code that nobody chose; without those that look alike.
const CODE_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CODE_LENGTH: usize = 8;

impl Store {
    /// Makes a program.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when a value is out of bounds.
    pub async fn create_program(&self, new: NewProgram) -> Result<Program, StoreError> {
        new.check()?;
        either!(self, backend => backend.create_program(&new).await)
    }

    /// Changes a program's settings; events accepted before keep theirs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Invalid`] when a value is out of bounds.
    pub async fn set_program(&self, program: ProgramId, change: ProgramChange) -> Result<Program, StoreError> {
        either!(self, backend => backend.set_program(program, change).await)
    }

    /// All programs by number.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn programs(&self) -> Result<Vec<Program>, StoreError> {
        either!(self, backend => backend.programs().await)
    }

    /// The program of that number.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn program(&self, program: ProgramId) -> Result<Option<Program>, StoreError> {
        either!(self, backend => backend.program(program).await)
    }

    /// Whether there is no program yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        either!(self, backend => backend.is_empty().await)
    }

    /// Makes a partner of 1..=200 characters of name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the program, [`StoreError::Invalid`] for the name.
    pub async fn create_partner(&self, program: ProgramId, name: &str) -> Result<Partner, StoreError> {
        rules::check_name("a partner's name", name)?;
        either!(self, backend => backend.create_partner(program, name).await)?.ok_or_else(|| no_program(program))
    }

    /// A program's partners by number.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn partners(&self, program: ProgramId) -> Result<Vec<Partner>, StoreError> {
        either!(self, backend => backend.partners(program).await)
    }

    /// Makes a partner and with it all its links inactive. Clicks made before still count.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without that partner.
    pub async fn disable_partner(&self, program: ProgramId, partner: PartnerId) -> Result<Partner, StoreError> {
        either!(self, backend => backend.disable_partner(program, partner).await)?
            .ok_or_else(|| no_partner(program, partner))
    }

    /// Makes a link with that code (1..=64 of `A-Za-z0-9._-`), or with one of eight characters chosen by chance.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the partner, [`StoreError::Conflict`] when the code is taken in any program
    /// or the partner is disabled, [`StoreError::Invalid`] for the code.
    pub async fn create_link(
        &self,
        program: ProgramId,
        partner: PartnerId,
        code: Option<String>,
    ) -> Result<Link, StoreError> {
        let code = code.map_or_else(random_code, Ok)?;
        rules::check_code(&code)?;
        either!(self, backend => backend.create_link(program, partner, &code).await)
    }

    /// A program's links by number.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn links(&self, program: ProgramId) -> Result<Vec<Link>, StoreError> {
        either!(self, backend => backend.links(program).await)
    }

    /// Makes a link inactive. Clicks made before still count; the code stays taken.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the program has no link of that code.
    pub async fn disable_link(&self, program: ProgramId, code: &str) -> Result<Link, StoreError> {
        either!(self, backend => backend.disable_link(program, code).await)?.ok_or_else(|| {
            let text = format!("program {program} has no link {code}; `affitor links list` shows its links");
            StoreError::NotFound(text)
        })
    }

    /// Makes a key from bytes that must be unpredictable. Its plain text is given back here and never again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the program, [`StoreError::Invalid`] for the label (1..=200 characters).
    pub async fn create_key(
        &self,
        program: ProgramId,
        label: &str,
        entropy: [u8; ApiKey::ENTROPY],
    ) -> Result<(Key, ApiKey), StoreError> {
        rules::check_name("a key's label", label)?;
        let plain = ApiKey::mint(entropy);
        let key = either!(self, backend => backend.create_key(program, label, &plain).await)?;
        Ok((key.ok_or_else(|| no_program(program))?, plain))
    }

    /// A program's keys, oldest first, revoked ones too.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn keys(&self, program: ProgramId) -> Result<Vec<Key>, StoreError> {
        either!(self, backend => backend.keys(program).await)
    }

    /// Refuses a key from that moment on, which may lie ahead. A moment already set only ever moves earlier, so
    /// that a revoked key never comes back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the program has no key of that id.
    pub async fn revoke_key(&self, program: ProgramId, key_id: &str, at: Timestamp) -> Result<Key, StoreError> {
        either!(self, backend => backend.revoke_key(program, key_id, at).await)?.ok_or_else(|| {
            let text = format!("program {program} has no key {key_id}; `affitor keys list` shows its keys");
            StoreError::NotFound(text)
        })
    }

    /// A number that grows with every change to programs, partners, links and keys.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn settings_version(&self) -> Result<i64, StoreError> {
        either!(self, backend => backend.settings_version().await)
    }

    /// What changed after `version`; after 0, everything. A snapshot whose version is *below* the one given is of
    /// another history (a restored backup): forget what is known and ask for what changed after 0.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn snapshot_since(&self, version: i64) -> Result<Snapshot, StoreError> {
        either!(self, backend => backend.snapshot_since(version).await)
    }
}

pub(crate) fn no_program(program: ProgramId) -> StoreError {
    StoreError::NotFound(format!("there is no program {program}; `affitor programs list` shows them"))
}

pub(crate) fn no_partner(program: ProgramId, partner: PartnerId) -> StoreError {
    let text = format!("program {program} has no partner {partner}; `affitor partners list` shows its partners");
    StoreError::NotFound(text)
}

/// Forty bits: with a million links, one new code in a million is taken, and then the operator is told to try again.
fn random_code() -> Result<String, StoreError> {
    let mut bytes = [0; CODE_LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Away(format!("the system gives no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)])).collect())
}
