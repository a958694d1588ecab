//! Partners and their links on Postgres.

use super::Postgres;
use super::change::begin;
use crate::StoreError;
use crate::programs::{Link, LinkRow, Partner, PartnerRow, all, no_partner};
use domain::{PartnerId, ProgramId};

macro_rules! partner {
    () => {
        concat!("partner_id, program_id, name, active, version, ", micros!("created_at"), " AS created_at")
    };
}
macro_rules! link {
    () => {
        concat!("link_id, program_id, partner_id, code, active, version, ", micros!("created_at"), " AS created_at")
    };
}
/// A link is active when its partner is too.
macro_rules! joined_link {
    () => {
        concat!(
            "SELECT links.link_id, links.program_id, links.partner_id, links.code, \
             links.active AND partners.active AS active, links.version, ",
            micros!("links.created_at"),
            " AS created_at FROM links JOIN partners USING (program_id, partner_id)"
        )
    };
}

const CREATE_PARTNER: &str = concat!(
    "/* create_partner */ INSERT INTO partners (program_id, name, version) \
     SELECT program_id, $2, $3 FROM programs WHERE program_id = $1 RETURNING ",
    partner!()
);
const PARTNERS: &str =
    concat!("/* partners */ SELECT ", partner!(), " FROM partners WHERE program_id = $1 ORDER BY partner_id");
const PARTNER_IS_ACTIVE: &str =
    "/* partner_is_active */ SELECT active FROM partners WHERE program_id = $1 AND partner_id = $2";
const DISABLE_PARTNER: &str = concat!(
    "/* disable_partner */ UPDATE partners SET active = false, version = $3 \
     WHERE program_id = $1 AND partner_id = $2 RETURNING ",
    partner!()
);
const STAMP_LINKS: &str =
    "/* disable_partner: its links */ UPDATE links SET version = $3 WHERE program_id = $1 AND partner_id = $2";

// A code that is taken in any program gives no row.
const CREATE_LINK: &str = concat!(
    "/* create_link */ INSERT INTO links (program_id, partner_id, code, version) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (code) DO NOTHING RETURNING ",
    link!()
);
const LINKS: &str = concat!("/* links */ ", joined_link!(), " WHERE links.program_id = $1 ORDER BY links.link_id");
const DISABLE_LINK: &str = concat!(
    "/* disable_link */ UPDATE links SET active = false, version = $3 WHERE program_id = $1 AND code = $2 RETURNING ",
    link!()
);
pub(super) const CHANGED_LINKS: &str = concat!("/* changed_links */ ", joined_link!(), " WHERE links.version > $1");

impl Postgres {
    pub(crate) async fn create_partner(&self, program: ProgramId, name: &str) -> Result<Option<Partner>, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let query = sqlx::query_as(CREATE_PARTNER).bind(program.get()).bind(name).bind(version);
        let row: Option<PartnerRow> = query.fetch_optional(&mut *change).await?;
        change.commit().await?;
        row.map(Partner::try_from).transpose()
    }

    pub(crate) async fn partners(&self, program: ProgramId) -> Result<Vec<Partner>, StoreError> {
        let query = sqlx::query_as(PARTNERS).bind(program.get());
        let rows: Vec<PartnerRow> = query.fetch_all(&mut *self.pooled().await?).await?;
        all(rows)
    }

    pub(crate) async fn disable_partner(
        &self,
        program: ProgramId,
        partner: PartnerId,
    ) -> Result<Option<Partner>, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let query = sqlx::query_as(DISABLE_PARTNER).bind(program.get()).bind(partner.get()).bind(version);
        let row: Option<PartnerRow> = query.fetch_optional(&mut *change).await?;
        let query = sqlx::query(STAMP_LINKS).bind(program.get()).bind(partner.get()).bind(version);
        query.execute(&mut *change).await?;
        change.commit().await?;
        row.map(Partner::try_from).transpose()
    }

    pub(crate) async fn create_link(
        &self,
        program: ProgramId,
        partner: PartnerId,
        code: &str,
    ) -> Result<Link, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let query = sqlx::query_scalar(PARTNER_IS_ACTIVE).bind(program.get()).bind(partner.get());
        match query.fetch_optional(&mut *change).await? {
            Some(true) => {}
            Some(false) => return Err(StoreError::Conflict(format!("partner {partner} is disabled"))),
            None => return Err(no_partner(program, partner)),
        }
        let query = sqlx::query_as(CREATE_LINK).bind(program.get()).bind(partner.get()).bind(code).bind(version);
        let row: Option<LinkRow> = query.fetch_optional(&mut *change).await?;
        change.commit().await?;
        row.ok_or_else(|| StoreError::Conflict(format!("the code {code} is taken; choose another")))?.try_into()
    }

    pub(crate) async fn links(&self, program: ProgramId) -> Result<Vec<Link>, StoreError> {
        let query = sqlx::query_as(LINKS).bind(program.get());
        let rows: Vec<LinkRow> = query.fetch_all(&mut *self.pooled().await?).await?;
        all(rows)
    }

    pub(crate) async fn disable_link(&self, program: ProgramId, code: &str) -> Result<Option<Link>, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let query = sqlx::query_as(DISABLE_LINK).bind(program.get()).bind(code).bind(version);
        let row: Option<LinkRow> = query.fetch_optional(&mut *change).await?;
        change.commit().await?;
        row.map(Link::try_from).transpose()
    }
}
