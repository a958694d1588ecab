//! The fast transaction's new customers, each with its first lead in one row.
//!
//! COPY costs the database little more than half of an INSERT that minds conflicts, but one conflict ends it. Whoever is
//! known by now is not among the newcomers, and two leads that name one click never come this far at the same moment; so
//! it ends only when another worker brings the same customer at the same moment without that click.

use super::clicks::QuietClick;
use super::copy_rows::CopyRows;
use super::known::Known;
use crate::StoreError;
use crate::postgres::apply::rows::{LeadColumns, LeadRow, StateColumns, StateRow, lead_at, place, places};
use domain::event::{Event, LeadEvent};
use domain::merge::{NewLead, Party, Place, Settled};
use domain::outcome::{Outcome, Reason};
use sqlx::PgConnection;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A customer who is there already, or a click that is claimed already, collides and is left over. Two workers with
/// the same new customer meet here: the second waits for the first to commit, then collides.
const INSERT_CUSTOMERS: &str = "/* insert_customers */
INSERT INTO customers (program_id, ident, customer_key, claim, event_id, class, click, facts, detail, test,
  counted_event, counted_class, status, reason, verdict_click, partner_id, link_id, flags, email_digest, email_mask,
  recorded_at)
SELECT *, now() FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::smallint[], $7::uuid[],
  $8::bytea[], $9::text[], $10::boolean[], $11::uuid[], $12::smallint[], $13::smallint[], $14::smallint[],
  $15::uuid[], $16::bigint[], $17::bigint[], $18::smallint[], $19::bytea[], $20::text[])
ON CONFLICT DO NOTHING RETURNING program_id, ident";

/// The same columns. Two workers meet as above, but the second fails.
const COPY_CUSTOMERS: &str = "/* copy_customers */
COPY customers (program_id, ident, customer_key, claim, event_id, class, click, facts, detail, test,
  counted_event, counted_class, status, reason, verdict_click, partner_id, link_id, flags, email_digest, email_mask,
  recorded_at) FROM STDIN (FORMAT binary)";
const COLUMNS: i16 = 21;

/// Microseconds since 2000, as COPY wants them.
const TRANSACTION_TIME: &str =
    "/* transaction_time */ SELECT (extract(epoch FROM now() - '2000-01-01Z'::timestamptz) * 1000000)::bigint";

const UNIQUE_VIOLATION: &str = "23505";

/// How the rows get into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres::apply) enum Way {
    /// All or none.
    Copy,
    /// Whatever does not collide.
    Insert,
}

/// Parties whose customer is new and whose click is theirs to claim, in the order of their keys.
pub(super) struct Newcomers<'a>(Vec<Newcomer<'a>>);

struct Newcomer<'a> {
    party: &'a Party,
    settled: Settled,
    /// The lead that lives in the customer's own row.
    lead: &'a LeadEvent,
}

impl<'a> Newcomers<'a> {
    /// Judges them. Whose click is not free is left over.
    pub(super) fn among(
        events: &'a [Event],
        parties: &'a [Party],
        known: &Known,
        clicks: &HashMap<Place, QuietClick>,
    ) -> Newcomers<'a> {
        let new = parties.iter().filter(|party| party.is_apart && !known.has(&party.customer));
        let newcomers = new.filter_map(|party| {
            let click = match party.click {
                Some(place) => Some(clicks.get(&place).filter(|click| click.holder.is_none())?),
                None => None,
            };
            let settled = party.settle(click.map(|click| click.arrival))?;
            let lead = lead_at(events, party.leads.get(settled.embedded)?.position)?;
            Some(Newcomer { party, settled, lead })
        });
        Newcomers(newcomers.collect())
    }

    /// Gives back those who are in; `None` when the transaction has failed because somebody was there before.
    pub(super) async fn insert(
        self,
        connection: &mut PgConnection,
        way: Way,
    ) -> Result<Option<Newcomers<'a>>, StoreError> {
        match way {
            _ if self.0.is_empty() => Ok(Some(self)),
            Way::Insert => self.insert_free(connection).await.map(Some),
            Way::Copy => match self.copy(connection).await {
                Ok(()) => Ok(Some(self)),
                Err(StoreError::Refused { code, .. }) if code == UNIQUE_VIOLATION => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    async fn copy(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let now = sqlx::query_scalar(TRANSACTION_TIME).fetch_one(&mut *connection).await?;
        let mut copy = connection.copy_in_raw(COPY_CUSTOMERS).await?;
        let mut rows = CopyRows::new();
        for newcomer in &self.0 {
            rows.begin(COLUMNS);
            rows.place(&newcomer.party.customer);
            rows.text(newcomer.lead.customer_key.as_ref().map(|key| key.as_str()));
            rows.uuid(newcomer.claim());
            rows.lead(&newcomer.row()?);
            rows.state(&StateRow::of(Some(&newcomer.settled.state)));
            rows.bigint(Some(now));
            // The server takes them in while the next ones are written.
            if let Some(full) = rows.full() {
                copy.send(full).await?;
                rows.sent();
            }
        }
        copy.send(rows.finish()).await?;
        copy.finish().await?;
        Ok(())
    }

    async fn insert_free(mut self, connection: &mut PgConnection) -> Result<Newcomers<'a>, StoreError> {
        let (programs, idents) = places(self.0.iter().map(|newcomer| &newcomer.party.customer));
        let (mut leads, mut states) = (LeadColumns::default(), StateColumns::default());
        for newcomer in &self.0 {
            leads.push(newcomer.row()?);
            states.push(StateRow::of(Some(&newcomer.settled.state)));
        }
        let key = |newcomer: &Newcomer| newcomer.lead.customer_key.as_ref().map(|key| key.as_str().to_owned());
        let statement = sqlx::query(INSERT_CUSTOMERS)
            .bind(programs)
            .bind(idents)
            .bind(self.0.iter().map(key).collect::<Vec<_>>())
            .bind(self.0.iter().map(Newcomer::claim).collect::<Vec<_>>());
        let rows = states.bind(leads.bind(statement)).fetch_all(connection).await?;
        let inserted = rows.iter().map(place).collect::<Result<HashSet<_>, _>>()?;
        self.0.retain(|newcomer| inserted.contains(&newcomer.party.customer));
        Ok(self)
    }

    /// What became of each of their leads.
    pub(super) fn told(&self) -> impl Iterator<Item = (usize, Outcome)> {
        self.0.iter().flat_map(|Newcomer { party, settled, .. }| {
            let counted = settled.state.counted;
            party.leads.iter().map(move |lead| {
                let counts = lead.facts.rank == counted;
                (lead.position, if counts { Outcome::LeadRecorded } else { Outcome::LeadDuplicate })
            })
        })
    }

    /// Their leads that have no place in their customer's own row.
    pub(super) fn further(&self) -> impl Iterator<Item = NewLead> {
        self.0.iter().flat_map(|Newcomer { party, settled, .. }| {
            let leads = party.leads.iter().zip(&settled.echoes).enumerate();
            leads.filter(|(number, _)| *number != settled.embedded).map(|(_, (lead, echo))| NewLead {
                place: party.customer,
                position: lead.position,
                echo: *echo,
            })
        })
    }

    pub(super) fn verdicts(&self) -> Vec<Reason> {
        self.0.iter().map(|newcomer| newcomer.settled.state.verdict.reason).collect()
    }
}

impl Newcomer<'_> {
    fn claim(&self) -> Option<Uuid> {
        self.party.click.map(|click| click.ident.uuid())
    }

    fn row(&self) -> Result<LeadRow<'_>, StoreError> {
        LeadRow::of(self.lead, &self.party.leads[self.settled.embedded].facts)
    }
}
