//! Programs, links and keys as this process knows them, indexed for the questions that requests ask.
//!
//! Read without a lock and replaced as a whole: a change copies the indexes, not what they point to.

use domain::ProgramId;
use std::collections::HashMap;
use std::sync::Arc;
use store::{KeyDigest, Link, Program, Snapshot};

/// What is known up to a version of the settings.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) version: i64,
    programs: HashMap<ProgramId, Arc<Program>>,
    links: HashMap<String, Arc<Link>>,
    keys: HashMap<String, Arc<KeyDigest>>,
    /// The oldest active link of each program, which a test click takes that names none.
    first_links: HashMap<ProgramId, Arc<Link>>,
}

impl Known {
    /// What is known after these changes.
    pub(super) fn with(&self, changes: Snapshot) -> Self {
        let mut known = self.clone();
        known.version = changes.version;
        known.programs.extend(changes.programs.into_iter().map(|program| (program.program_id, Arc::new(program))));
        known.keys.extend(changes.keys.into_iter().map(|key| (key.key_id.clone(), Arc::new(key))));
        known.links.extend(changes.links.into_iter().map(|link| (link.code.clone(), Arc::new(link))));
        known.first_links = first_links(known.links.values());
        known
    }

    /// Everything, to be kept on disk.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: self.version,
            programs: self.programs.values().map(|program| Program::clone(program)).collect(),
            links: self.links.values().map(|link| Link::clone(link)).collect(),
            keys: self.keys.values().map(|key| KeyDigest::clone(key)).collect(),
        }
    }

    pub(super) fn program(&self, program: ProgramId) -> Option<Arc<Program>> {
        self.programs.get(&program).cloned()
    }

    pub(super) fn link(&self, code: &str) -> Option<Arc<Link>> {
        self.links.get(code).cloned()
    }

    pub(super) fn key(&self, key_id: &str) -> Option<Arc<KeyDigest>> {
        self.keys.get(key_id).cloned()
    }

    pub(super) fn first_link(&self, program: ProgramId) -> Option<Arc<Link>> {
        self.first_links.get(&program).cloned()
    }
}

fn first_links<'a>(links: impl Iterator<Item = &'a Arc<Link>>) -> HashMap<ProgramId, Arc<Link>> {
    let mut first: HashMap<ProgramId, Arc<Link>> = HashMap::new();
    for link in links.filter(|link| link.active) {
        first
            .entry(link.program_id)
            .and_modify(|known| {
                if link.link_id < known.link_id {
                    *known = Arc::clone(link);
                }
            })
            .or_insert_with(|| Arc::clone(link));
    }
    first
}
