//! The fast transaction's clicks: inserted if nobody has named them yet, and locked for whoever names them.

use crate::StoreError;
use crate::facts;
use crate::postgres::apply::rows::{place, places};
use domain::attribution::Arrival;
use domain::event::{Class, ClickEvent, Event, Rank};
use domain::journey::Owner;
use domain::merge::{ClickRow, Place};
use domain::{Ident, LinkId};
use sqlx::{PgConnection, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// A click that is there already, as a stub or as a redelivery, collides and is left over.
const INSERT_CLICKS: &str = "/* insert_clicks */
INSERT INTO clicks (program_id, click, event_id, partner_id, link_id, bot, replaces, detail, recorded_at)
SELECT *, now() FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::boolean[],
  $7::uuid[], $8::text[])
ON CONFLICT DO NOTHING RETURNING program_id, click";

/// Holding the lock until commit makes a worker on the slow path, who wants the same click, see the claim made here.
/// LATERAL with OFFSET 0 keeps the plan one index probe per click whatever the statistics say. All in one row: a row
/// for each click would cost both sides more than the lock.
const LOCK_QUIET_CLICKS: &str = "/* lock_quiet_clicks */
SELECT array_agg(u.n), array_agg(c.link_id), array_agg(c.bot)
FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS u (program_id, click, n)
CROSS JOIN LATERAL (
  SELECT link_id, bot FROM clicks WHERE clicks.program_id = u.program_id AND clicks.click = u.click
    AND clicks.recorded_at IS NOT NULL AND NOT clicks.contested
  OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) AS c";

/// In a statement of its own: what was committed before the lock was taken must be seen.
const READ_CLAIMS: &str = "/* read_claims */
SELECT array_agg(u.n), array_agg(c.ident), array_agg(c.class), array_agg(c.event_id)
FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS u (program_id, click, n)
CROSS JOIN LATERAL (
  SELECT ident, class, event_id FROM customers
  WHERE customers.program_id = u.program_id AND customers.claim = u.click OFFSET 0) AS c";

/// A click that has been seen and that at most one customer names. It is locked.
#[derive(Debug, Clone, Copy)]
pub(super) struct QuietClick {
    pub(super) arrival: Arrival,
    /// The customer, and the best of its leads that names the click.
    pub(super) holder: Option<Owner>,
}

impl QuietClick {
    /// The click's row as the rules want it.
    pub(super) fn row(self) -> ClickRow {
        let owner = self.holder.filter(|holder| holder.ident.is_keyed());
        ClickRow { arrival: Some(self.arrival), owner, waiters: BTreeSet::new() }
    }
}

/// Gives back the positions of those that were new.
pub(super) async fn insert(connection: &mut PgConnection, events: &[Event]) -> Result<Vec<usize>, StoreError> {
    let mut clicks = BTreeMap::new();
    for (position, event) in events.iter().enumerate() {
        if let Event::Click(click) = event {
            let place =
                Place { program: click.click.program, ident: Ident::of_click(click.click.is_test(), click.click) };
            clicks.entry(place).or_insert((position, click));
        }
    }
    if clicks.is_empty() {
        return Ok(Vec::new());
    }
    let (programs, idents) = places(clicks.keys());
    let column = |of: fn(&ClickEvent) -> Option<i64>| clicks.values().map(|(_, click)| of(click)).collect::<Vec<_>>();
    let rows = sqlx::query(INSERT_CLICKS)
        .bind(programs)
        .bind(idents)
        .bind(clicks.values().map(|(_, click)| click.click.event.uuid()).collect::<Vec<_>>())
        .bind(column(|click| click.click.partner.map(i64::from)))
        .bind(column(|click| click.link.map(i64::from)))
        .bind(clicks.values().map(|(_, click)| click.bot).collect::<Vec<_>>())
        .bind(clicks.values().map(|(_, click)| click.replaces.map(|event| event.uuid())).collect::<Vec<_>>())
        .bind(clicks.values().map(|(_, click)| click.detail.0.as_deref()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let inserted = rows.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    Ok(inserted.iter().filter_map(|place| clicks.get(place)).map(|(position, _)| *position).collect())
}

/// Locks those that are quiet, as far as that needs no waiting.
pub(super) async fn lock_quiet(
    connection: &mut PgConnection,
    mut wanted: Vec<Place>,
) -> Result<HashMap<Place, QuietClick>, StoreError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    wanted.sort_unstable();
    let (programs, clicks) = places(&wanted);
    let row = sqlx::query(LOCK_QUIET_CLICKS).bind(programs).bind(clicks).fetch_one(&mut *connection).await?;
    let found = row.try_get::<Option<Vec<i64>>, _>(0)?.unwrap_or_default();
    let links = row.try_get::<Option<Vec<Option<i64>>>, _>(1)?.unwrap_or_default();
    let bots = row.try_get::<Option<Vec<bool>>, _>(2)?.unwrap_or_default();
    let locked: Vec<Place> = found.iter().filter_map(|number| nth(&wanted, *number)).collect();
    let arrivals = links.into_iter().zip(bots).map(|(link, bot)| Arrival { link: link.and_then(LinkId::new), bot });
    let quiet = arrivals.map(|arrival| QuietClick { arrival, holder: None });
    let mut quiet: HashMap<Place, QuietClick> = locked.iter().copied().zip(quiet).collect();
    for (place, holder) in read_claims(connection, &locked).await? {
        if let Some(click) = quiet.get_mut(&place) {
            click.holder = Some(holder);
        }
    }
    Ok(quiet)
}

async fn read_claims(connection: &mut PgConnection, clicks: &[Place]) -> Result<Vec<(Place, Owner)>, StoreError> {
    if clicks.is_empty() {
        return Ok(Vec::new());
    }
    let (programs, idents) = places(clicks);
    let row = sqlx::query(READ_CLAIMS).bind(programs).bind(idents).fetch_one(connection).await?;
    let found = row.try_get::<Option<Vec<i64>>, _>(0)?.unwrap_or_default();
    let holders = row.try_get::<Option<Vec<Uuid>>, _>(1)?.unwrap_or_default();
    let classes = row.try_get::<Option<Vec<i16>>, _>(2)?.unwrap_or_default();
    let events = row.try_get::<Option<Vec<Uuid>>, _>(3)?.unwrap_or_default();
    let claims = found.into_iter().zip(holders).zip(classes).zip(events);
    let claim = |(((number, holder), class), event): (((i64, Uuid), i16), Uuid)| {
        let rank = Rank { class: Class::from_code(class)?, event: facts::event_id(event)? };
        Some((nth(clicks, number)?, Owner { ident: Ident::from_uuid(holder), rank }))
    };
    Ok(claims.filter_map(claim).collect())
}

/// What an ordinality stands for; it counts from one.
fn nth(places: &[Place], number: i64) -> Option<Place> {
    places.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}
