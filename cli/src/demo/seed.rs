//! What the demo consists of. Nothing is looked up: the store is empty.

use super::{Demo, OtherProgram};
use crate::commands::keys::entropy;
use crate::failure::Failure;
use domain::ProgramId;
use store::{NewProgram, Store};

const PARTNER: &str = "PARTNER123";
const SECOND_PARTNER: &str = "PARTNER456";
const INACTIVE: &str = "PARTNER000";
const OTHER_PARTNER: &str = "OTHER123";
const KEY_LABEL: &str = "demo";

/// Makes two programs with partners, links and a key each.
pub(super) async fn seed(store: &Store) -> Result<Demo, Failure> {
    let shop = store.create_program(NewProgram::named("Demo shop")).await?.program_id;
    let partner = store.create_partner(shop, "Demo partner").await?.partner_id;
    store.create_link(shop, partner, Some(PARTNER.to_owned())).await?;
    store.create_link(shop, partner, Some(INACTIVE.to_owned())).await?;
    store.disable_link(shop, INACTIVE).await?;
    let second = store.create_partner(shop, "Second demo partner").await?.partner_id;
    store.create_link(shop, second, Some(SECOND_PARTNER.to_owned())).await?;

    let other = store.create_program(NewProgram::named("Other demo shop")).await?.program_id;
    let partner = store.create_partner(other, "Other demo partner").await?.partner_id;
    store.create_link(other, partner, Some(OTHER_PARTNER.to_owned())).await?;

    Ok(Demo {
        base_url: String::new(),
        program_id: shop,
        api_key: new_key(store, shop).await?,
        partner_code: PARTNER.to_owned(),
        second_partner_code: SECOND_PARTNER.to_owned(),
        inactive_code: INACTIVE.to_owned(),
        other_program: OtherProgram {
            program_id: other,
            api_key: new_key(store, other).await?,
            partner_code: OTHER_PARTNER.to_owned(),
        },
        console_url: None,
        metrics_url: None,
    })
}

async fn new_key(store: &Store, program: ProgramId) -> Result<String, Failure> {
    let (_, plain) = store.create_key(program, KEY_LABEL, entropy()?).await?;
    Ok(plain.text().to_owned())
}
