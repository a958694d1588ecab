-- What the pipeline knows. Every key leads with program_id. Places (`click`, `ident`) are sixteen bytes:
-- a click's own uuid, or the digest of a customer key; real and test places differ. Codes are those of domain::outcome.

-- A row without recorded_at is a stub: a lead named the click before it was seen.
CREATE TABLE clicks (
    program_id    bigint NOT NULL,
    click         uuid NOT NULL,          -- place of the click in the world (real or test) it is seen from
    event_id      uuid NOT NULL,          -- the click event's id; holds time and test mark
    partner_id    bigint,                 -- read from the click id itself
    link_id       bigint,
    bot           boolean NOT NULL DEFAULT false,
    recorded_at   timestamptz,
    replaces      uuid,                   -- the click this one replaced in the visitor's cookie
    detail        text,                   -- JSON object for people; nothing is decided by it
    contested     boolean NOT NULL DEFAULT false,  -- more than one lead has met here: the slow path owns the row
    owner         uuid,                   -- place of the keyed customer to whom the click belongs
    owner_class   smallint,
    owner_event   uuid,                   -- owner_class and owner_event: the rank of the lead that won the click
    PRIMARY KEY (program_id, click)
) WITH (fillfactor = 90);

-- Customers who named a click before it was seen; they are judged again when it is.
CREATE TABLE waiters (
    program_id    bigint NOT NULL,
    click         uuid NOT NULL,
    ident         uuid NOT NULL,
    PRIMARY KEY (program_id, click, ident)
);

-- A customer and its first lead in one row: a second row per lead would cost a third of the throughput.
-- A row without event_id is a shell: its leads live in `leads`. A row without status belongs to another customer.
CREATE TABLE customers (
    program_id    bigint NOT NULL,
    ident         uuid NOT NULL,
    customer_key  text COLLATE "C",
    test          boolean NOT NULL DEFAULT false,
    -- the first lead
    event_id      uuid,
    class         smallint,
    click         uuid,                   -- place of the click it names
    facts         bytea,                  -- what the rules read of the lead; see store::facts
    detail        text,
    recorded_at   timestamptz,
    claim         uuid,                   -- the click this row holds while nobody else has named it
    -- what all its leads make of it
    counted_event uuid,
    counted_class smallint,
    status        smallint,
    reason        smallint,
    verdict_click uuid,                   -- event id of the click that won, or that the reason speaks of
    partner_id    bigint,
    link_id       bigint,
    flags         smallint NOT NULL DEFAULT 0,
    email_digest  bytea,                  -- pepper id (one byte) and keyed SHA-256
    email_mask    text,
    PRIMARY KEY (program_id, ident)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX customers_claim ON customers (program_id, claim) WHERE claim IS NOT NULL;
-- An event id begins with its time: one index serves lists by time and the look-up of one event.
CREATE INDEX customers_event ON customers (program_id, event_id) WHERE event_id IS NOT NULL;

-- From the second lead on. An echo can never change the state again and is never read by the rules.
CREATE TABLE leads (
    program_id    bigint NOT NULL,
    ident         uuid NOT NULL,
    event_id      uuid NOT NULL,
    class         smallint NOT NULL,
    click         uuid,
    facts         bytea NOT NULL,
    detail        text,
    echo          boolean NOT NULL,
    test          boolean NOT NULL DEFAULT false,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (program_id, ident, event_id)
);

CREATE INDEX leads_live ON leads (program_id, ident) WHERE NOT echo;
CREATE INDEX leads_event ON leads (program_id, event_id);
-- Who named a click as click_id, for the customers of a click.
CREATE INDEX leads_click ON leads (program_id, click) WHERE click IS NOT NULL;
CREATE INDEX customers_click ON customers (program_id, click) WHERE click IS NOT NULL AND claim IS NULL;

-- The ledger: one row for each pack of each run whose events are all applied.
CREATE TABLE packs (
    run              uuid NOT NULL,
    number           bigint NOT NULL,
    events           integer NOT NULL,
    confirmed_before bigint NOT NULL,
    applied_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, number)
);

-- Packs without a gap between them, folded out of `packs`: a pack is there or here, and counts once.
CREATE TABLE pack_ranges (
    run              uuid NOT NULL,
    first            bigint NOT NULL,
    last             bigint NOT NULL,
    events           bigint NOT NULL,     -- in all of them
    accepted         bigint NOT NULL,     -- of the run, up to and with the last of them
    applied_at       timestamptz NOT NULL, -- the first of them that was applied
    PRIMARY KEY (run, first)
);

-- Packs of a run whose publish was refused or is unknown, as a later pack of the run says.
CREATE TABLE unconfirmed_packs (
    run           uuid NOT NULL,
    number        bigint NOT NULL,
    events        integer NOT NULL,
    PRIMARY KEY (run, number)
);

-- What could not be processed, with its reason. Kept until a person decides.
CREATE TABLE dead_letters (
    dead_letter_id uuid PRIMARY KEY,      -- digest of the bytes: the same message set aside twice is one row
    program_id     bigint,
    event_id       uuid,
    reason         smallint NOT NULL,
    message        text NOT NULL,
    run            uuid,
    number         bigint,
    body           bytea NOT NULL,
    whole_message  boolean NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    replays        integer NOT NULL DEFAULT 0,  -- how often a replay was refused
    replayed_at    timestamptz            -- the last of them
);
CREATE INDEX dead_letters_event ON dead_letters (program_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX dead_letters_recorded ON dead_letters (recorded_at, dead_letter_id);
-- Messages that the account of packs must not miss.
CREATE INDEX dead_letters_pack ON dead_letters (run, number) WHERE whole_message;

-- What a person has given up: the account of events must still add up.
CREATE TABLE discarded_letters (
    dead_letter_id uuid PRIMARY KEY,
    reason         smallint NOT NULL,
    run            uuid,
    number         bigint,
    whole_message  boolean NOT NULL,
    discarded_at   timestamptz NOT NULL DEFAULT now()
);

-- Messages that came again after a worker may have died of them: what was begun, by whom, and what was fatal before.
CREATE TABLE attempts (
    message       uuid PRIMARY KEY,       -- digest of the message's bytes
    holder        uuid,                   -- the worker process that began; null when it gave up in peace
    first         integer NOT NULL,       -- position of the first event that was begun
    events        integer NOT NULL,       -- how many were begun together
    deaths        integer NOT NULL,       -- workers that ended there before, one after the other
    begun_at      timestamptz NOT NULL DEFAULT now()
);
