//! The whole state of a database, read without the store's own code, in the words of the model.

use crate::stage::{Place, Stage};
use domain::email::EmailMark;
use domain::model::{ModelCustomer, Realm};
use domain::outcome::{Reason, Status};
use domain::{ClickId, EventId, Ident, LinkId, ProgramId};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

type Texts = Vec<Option<String>>;

const CUSTOMERS: &str = "SELECT program_id, test, ident, counted_event, status, reason, verdict_click, link_id, flags, \
     email_digest, email_mask FROM customers WHERE status IS NOT NULL";
const OWN_LEADS: &str = "SELECT program_id, ident, event_id, click FROM leads UNION ALL \
     SELECT program_id, ident, event_id, click FROM customers WHERE event_id IS NOT NULL";
const OWNERS: &str = "SELECT program_id, click, owner FROM clicks WHERE owner IS NOT NULL";
const CLICKS: &str = "SELECT program_id, click, recorded_at IS NOT NULL AS seen, link_id, bot FROM clicks";
const EVENTS: &str = "SELECT program_id, event_id FROM leads UNION ALL \
     SELECT program_id, event_id FROM customers WHERE event_id IS NOT NULL UNION ALL \
     SELECT program_id, event_id FROM clicks WHERE recorded_at IS NOT NULL";
const CLAIMS: &str = "SELECT h.program_id, h.claim, h.ident FROM customers h JOIN clicks c \
     ON c.program_id = h.program_id AND c.click = h.claim WHERE NOT c.contested";

/// Every customer that has a state; `clicks` are those that the events name, by their event ids.
pub(crate) async fn customers(
    stage: &Stage,
    clicks: &BTreeMap<EventId, ClickId>,
) -> BTreeMap<(Realm, Ident), ModelCustomer> {
    let mut leads: BTreeMap<(String, String), Vec<Texts>> = BTreeMap::new();
    for row in rows(stage, OWN_LEADS).await {
        leads.entry((text(&row, 0), text(&row, 1))).or_default().push(row);
    }
    let owners = owners(stage).await;
    let mut found = BTreeMap::new();
    for row in rows(stage, CUSTOMERS).await {
        let (program, ident) = (text(&row, 0), text(&row, 2));
        let own = &leads[&(program.clone(), ident.clone())];
        let owned = own.iter().filter_map(|lead| lead[3].clone());
        let owned: BTreeSet<(String, String)> =
            owned.map(|click| (program.clone(), click)).filter(|click| owners.get(click) == Some(&ident)).collect();
        let adopted = owned.iter().filter_map(|click| leads.get(click)).flatten();
        let all = own.iter().chain(adopted).map(|lead| event(&text(lead, 2))).collect();
        let customer = customer(&row, all, clicks);
        let program = ProgramId::new(program.parse().unwrap()).unwrap();
        found.insert(
            (Realm { program, test: matches!(text(&row, 1).as_str(), "true" | "1") }, customer.ident),
            customer,
        );
    }
    found
}

/// A click as stored: whether it was seen, its link, whether it was a bot's, and whom it belongs to.
pub(crate) type StoredClick = (bool, Option<i64>, bool, Option<Ident>);

/// Every click that was seen or that somebody owns; a stub that is only waited for is neither.
pub(crate) async fn clicks(stage: &Stage) -> BTreeMap<(ProgramId, Ident), StoredClick> {
    let owners = owners(stage).await;
    let mut found = BTreeMap::new();
    for row in rows(stage, CLICKS).await {
        let owner = owners.get(&(text(&row, 0), text(&row, 1))).map(|ident| place(ident));
        let seen = matches!(text(&row, 2).as_str(), "true" | "1");
        if seen || owner.is_some() {
            let link = row[3].as_deref().map(|link| link.parse().unwrap());
            let bot = matches!(text(&row, 4).as_str(), "true" | "1");
            let program = ProgramId::new(text(&row, 0).parse().unwrap()).unwrap();
            found.insert((program, place(&text(&row, 1))), (seen, link, bot, owner));
        }
    }
    found
}

/// Every event that is stored, as often as it is stored.
pub(crate) async fn events(stage: &Stage) -> Vec<(ProgramId, EventId)> {
    let found = rows(stage, EVENTS).await;
    let event_of = |row: &Texts| (ProgramId::new(text(row, 0).parse().unwrap()).unwrap(), event(&text(row, 1)));
    found.iter().map(event_of).collect()
}

/// The number of rows of a table.
pub(crate) async fn count(stage: &Stage, table: &str) -> i64 {
    let counted = rows(stage, &format!("SELECT count(*) FROM {table}")).await;
    text(&counted[0], 0).parse().unwrap()
}

/// What a query gives, every value as text, bytes and uuids in hexadecimal.
pub(crate) async fn rows(stage: &Stage, query: &str) -> Vec<Texts> {
    match &stage.place {
        Place::Postgres(database) => {
            let query = AssertSqlSafe(format!(
                "SELECT ARRAY(SELECT replace(replace(value, '\\x', ''), '-', '') FROM json_each_text(row_to_json(q)) \
                 WITH ORDINALITY ORDER BY ordinality) AS texts FROM ({query}) q"
            ));
            let mut connection: PgConnection = database.connect().await;
            let found = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
            found.iter().map(|row| row.get("texts")).collect()
        }
        Place::Sqlite(_) => {
            let address = format!("sqlite://{}", stage.place.file().display());
            let mut connection = SqliteConnection::connect(&address).await.unwrap();
            let found = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await.unwrap();
            found.iter().map(|row| (0..row.len()).map(|at| sqlite_text(row, at)).collect()).collect()
        }
    }
}

/// The keyed customer to whom each click belongs, by name or by an uncontested claim.
async fn owners(stage: &Stage) -> BTreeMap<(String, String), String> {
    let mut owners = rows(stage, OWNERS).await;
    if matches!(stage.place, Place::Postgres(_)) {
        owners.extend(rows(stage, CLAIMS).await);
    }
    let keyed = owners.iter().filter(|row| place(&text(row, 2)).is_keyed());
    keyed.map(|row| ((text(row, 0), text(row, 1)), text(row, 2))).collect()
}

fn place(hex: &str) -> Ident {
    Ident::from_uuid(Uuid::parse_str(hex).unwrap())
}

fn sqlite_text(row: &sqlx::sqlite::SqliteRow, at: usize) -> Option<String> {
    let number = row.try_get::<Option<i64>, _>(at).map(|number| number.map(|number| number.to_string()));
    let bytes = || row.try_get::<Option<Vec<u8>>, _>(at).map(|bytes| bytes.map(hex::encode));
    let words = row.try_get::<Option<String>, _>(at);
    words.or(number).or_else(|_| bytes()).unwrap()
}

fn customer(row: &Texts, leads: BTreeSet<EventId>, clicks: &BTreeMap<EventId, ClickId>) -> ModelCustomer {
    let flags: i16 = text(row, 8).parse().unwrap();
    ModelCustomer {
        ident: place(&text(row, 2)),
        counted: event(&text(row, 3)),
        status: Status::from_code(text(row, 4).parse().unwrap()).unwrap(),
        reason: Reason::from_code(text(row, 5).parse().unwrap()).unwrap(),
        click: row[6].as_deref().map(|click| clicks[&event(click)]),
        link: row[7].as_deref().map(|link| LinkId::new(link.parse().unwrap()).unwrap()),
        shared_click: flags & 1 != 0,
        click_from_browser: flags & 2 != 0,
        email: row[9].as_deref().zip(row[10].clone()).map(|(digest, mask)| email(digest, mask)),
        leads,
    }
}

fn email(digest: &str, mask: String) -> EmailMark {
    let bytes = hex::decode(digest).unwrap();
    EmailMark { pepper: char::from(bytes[0]), digest: bytes[1..].try_into().unwrap(), mask }
}

fn event(hex: &str) -> EventId {
    EventId::from_uuid(Uuid::parse_str(hex).unwrap()).unwrap()
}

fn text(row: &Texts, at: usize) -> String {
    row[at].clone().unwrap()
}
