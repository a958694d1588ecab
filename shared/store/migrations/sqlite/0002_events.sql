-- The same tables as in Postgres, for one writer: no claims and no contested rows, because nobody meets anybody.
-- Times are microseconds since the Unix epoch; places and ids are sixteen bytes.

CREATE TABLE clicks (
    program_id    INTEGER NOT NULL,
    click         BLOB NOT NULL,
    event_id      BLOB NOT NULL,
    partner_id    INTEGER,
    link_id       INTEGER,
    bot           INTEGER NOT NULL DEFAULT 0,
    recorded_at   INTEGER,
    replaces      BLOB,
    detail        TEXT,
    owner         BLOB,
    owner_class   INTEGER,
    owner_event   BLOB,
    PRIMARY KEY (program_id, click)
) STRICT, WITHOUT ROWID;

CREATE TABLE waiters (
    program_id    INTEGER NOT NULL,
    click         BLOB NOT NULL,
    ident         BLOB NOT NULL,
    PRIMARY KEY (program_id, click, ident)
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    program_id    INTEGER NOT NULL,
    ident         BLOB NOT NULL,
    customer_key  TEXT,
    test          INTEGER NOT NULL DEFAULT 0,
    event_id      BLOB,
    class         INTEGER,
    click         BLOB,
    facts         BLOB,
    detail        TEXT,
    recorded_at   INTEGER,
    counted_event BLOB,
    counted_class INTEGER,
    status        INTEGER,
    reason        INTEGER,
    verdict_click BLOB,
    partner_id    INTEGER,
    link_id       INTEGER,
    flags         INTEGER NOT NULL DEFAULT 0,
    email_digest  BLOB,
    email_mask    TEXT,
    PRIMARY KEY (program_id, ident)
) STRICT, WITHOUT ROWID;

CREATE INDEX customers_event ON customers (program_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX customers_click ON customers (program_id, click) WHERE click IS NOT NULL;

CREATE TABLE leads (
    program_id    INTEGER NOT NULL,
    ident         BLOB NOT NULL,
    event_id      BLOB NOT NULL,
    class         INTEGER NOT NULL,
    click         BLOB,
    facts         BLOB NOT NULL,
    detail        TEXT,
    echo          INTEGER NOT NULL,
    test          INTEGER NOT NULL DEFAULT 0,
    recorded_at   INTEGER NOT NULL,
    PRIMARY KEY (program_id, ident, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX leads_live ON leads (program_id, ident) WHERE NOT echo;
CREATE INDEX leads_event ON leads (program_id, event_id);
CREATE INDEX leads_click ON leads (program_id, click) WHERE click IS NOT NULL;

CREATE TABLE packs (
    run              BLOB NOT NULL,
    number           INTEGER NOT NULL,
    events           INTEGER NOT NULL,
    confirmed_before INTEGER NOT NULL,
    applied_at       INTEGER NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE pack_ranges (
    run              BLOB NOT NULL,
    first            INTEGER NOT NULL,
    last             INTEGER NOT NULL,
    events           INTEGER NOT NULL,
    accepted         INTEGER NOT NULL,
    applied_at       INTEGER NOT NULL,
    PRIMARY KEY (run, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE unconfirmed_packs (
    run           BLOB NOT NULL,
    number        INTEGER NOT NULL,
    events        INTEGER NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    dead_letter_id BLOB PRIMARY KEY,
    program_id     INTEGER,
    event_id       BLOB,
    reason         INTEGER NOT NULL,
    message        TEXT NOT NULL,
    run            BLOB,
    number         INTEGER,
    body           BLOB NOT NULL,
    whole_message  INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL,
    replays        INTEGER NOT NULL DEFAULT 0,
    replayed_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letters_event ON dead_letters (program_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX dead_letters_recorded ON dead_letters (recorded_at, dead_letter_id);
CREATE INDEX dead_letters_pack ON dead_letters (run, number) WHERE whole_message;

CREATE TABLE discarded_letters (
    dead_letter_id BLOB PRIMARY KEY,
    reason         INTEGER NOT NULL,
    run            BLOB,
    number         INTEGER,
    whole_message  INTEGER NOT NULL,
    discarded_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    message       BLOB PRIMARY KEY,
    holder        BLOB,
    first         INTEGER NOT NULL,
    events        INTEGER NOT NULL,
    deaths        INTEGER NOT NULL,
    begun_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
