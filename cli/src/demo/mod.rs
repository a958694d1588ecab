//! The demo: what `affitor up` puts into an empty store so that there is something to try at once.
//!
//! Its facts, the keys among them, are kept in one private file beside the store, and nowhere else. Called by `up`.

mod file;
mod lines;
mod seed;

use crate::failure::Failure;
use console::DemoShop;
use domain::{ApiKey, ProgramId};
use runtime::data_dir::DataDir;
use serde::{Deserialize, Serialize};
use store::Store;

/// The file in the data directory.
pub(crate) const FILE: &str = "demo.json";

/// Everything that a person or a script needs to try the pipeline.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Demo {
    base_url: String,
    program_id: ProgramId,
    api_key: String,
    partner_code: String,
    second_partner_code: String,
    inactive_code: String,
    other_program: OtherProgram,
    /// Null as long as the console has no pages.
    console_url: Option<String>,
    metrics_url: Option<String>,
}

/// A second program, to see that the two know nothing of each other.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OtherProgram {
    program_id: ProgramId,
    api_key: String,
    partner_code: String,
}

/// What there is of a demo.
pub(crate) enum DemoState {
    /// This start made it.
    Made(Box<Demo>),
    /// An earlier start made it.
    Kept(Box<Demo>),
    /// The store is empty, but a demo has to be asked for.
    Withheld,
    /// The store has other things in it, or no demo is wanted.
    None,
}

impl DemoState {
    /// The shop to show, if there is a demo.
    pub(crate) fn shop(&self) -> Option<DemoShop> {
        match self {
            DemoState::Made(demo) | DemoState::Kept(demo) => Some(DemoShop {
                program: demo.program_id,
                codes: [demo.partner_code.clone(), demo.second_partner_code.clone()],
            }),
            DemoState::Withheld | DemoState::None => None,
        }
    }
}

impl Demo {
    /// The demo of this store: made now if the store is empty, or the one that was made then.
    ///
    /// # Errors
    /// The store or the directory cannot be used.
    pub(crate) async fn prepare(
        store: &Store,
        data: &DataDir,
        base_url: String,
        metrics_url: String,
    ) -> Result<DemoState, Failure> {
        let is_new = store.is_empty().await?;
        let mut demo = if is_new {
            seed::seed(store).await?
        } else {
            match file::read(data)? {
                Some(kept) if kept.is_in(store).await? => kept,
                Some(_) | None => return Ok(DemoState::None),
            }
        };
        demo.base_url = base_url;
        demo.metrics_url = Some(metrics_url);
        file::write(data, &demo)?;
        Ok(if is_new { DemoState::Made(Box::new(demo)) } else { DemoState::Kept(Box::new(demo)) })
    }

    /// Whether its key still works there: the directory may have been used with another database since.
    async fn is_in(&self, store: &Store) -> Result<bool, Failure> {
        let Ok(key) = ApiKey::parse(&self.api_key) else { return Ok(false) };
        let keys = store.keys(self.program_id).await?;
        Ok(keys.iter().any(|known| known.key_id == key.key_id() && known.revoked_at.is_none()))
    }
}
