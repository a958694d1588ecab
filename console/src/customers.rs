//! `GET /api/v1/customers/{customer_key}` and `GET /api/v1/customers?click_id=…`.

use crate::answer::json;
use crate::auth::Caller;
use crate::console::{Console, in_time};
use crate::fault::{Fault, ReadFailure};
use crate::openapi::refusals::AnyRead;
use crate::shapes::{Customer, Customers};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::{ClickId, CustomerKey};

/// The longest `click_id` that is looked at, in characters.
const MAX_CLICK_ID: usize = 128;

/// One customer, found by the advertiser's own key.
#[utoipa::path(
    get,
    path = "/api/v1/customers/{customer_key}",
    params(("customer_key" = String, Path, description = "The advertiser's own id, percent-encoded: slashes too.")),
    responses(
        (status = 200, description = "The customer and the newest events of the journey.", body = Customer),
        AnyRead,
        (status = 404, description = "`customer_not_found`: the key's program has no such customer.", body = ReadFailure),
    ),
    security(("api_key" = []))
)]
pub(crate) async fn customer(
    State(console): State<Console>,
    Caller(program): Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Fault> {
    // What cannot be a key has never been stored: the same answer as for one that nobody has.
    let Path(key) = path.map_err(|_| Fault::CustomerNotFound)?;
    let key = CustomerKey::parse(&key).map_err(|_| Fault::CustomerNotFound)?;
    let found = in_time(console.store().customer(program, &key)).await?.ok_or(Fault::CustomerNotFound)?;
    Ok(json(StatusCode::OK, &Customer::of(found, console.clicks())))
}

/// The customers of a click: the one known by the click only, and every one with a key whose lead named it.
#[utoipa::path(
    get,
    path = "/api/v1/customers",
    params(("click_id" = String, Query, description = "The value of the cookie `affitor_click_id`.")),
    responses(
        (status = 200, description = "At most 100 customers; none for a click id that is not the program's.",
         body = Customers),
        (status = 400, description = "`invalid_click_id`", body = ReadFailure),
        AnyRead,
    ),
    security(("api_key" = []))
)]
pub(crate) async fn of_click(
    State(console): State<Console>,
    Caller(program): Caller,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(query) = query.map_err(|_| Fault::InvalidClickId)?;
    let customers = match ClickId::verify(asked_click(&query)?, console.clicks()) {
        Some(click) => in_time(console.store().customers_of_click(program, click)).await?,
        None => Vec::new(),
    };
    let customers = customers.into_iter().map(|customer| Customer::of(customer, console.clicks())).collect();
    Ok(json(StatusCode::OK, &Customers { customers }))
}

fn asked_click(query: &[(String, String)]) -> Result<&str, Fault> {
    let mut given = query.iter().filter(|(name, _)| name == "click_id").map(|(_, value)| value.as_str());
    let (Some(click), None) = (given.next(), given.next()) else { return Err(Fault::InvalidClickId) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    let possible = (1..=MAX_CLICK_ID).contains(&click.len()) && click.bytes().all(allowed);
    if possible { Ok(click) } else { Err(Fault::InvalidClickId) }
}
