-- The same tables as in Postgres. Times are microseconds since the Unix epoch.

CREATE TABLE settings_version (
    one     INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO settings_version (version) VALUES (0);

CREATE TABLE programs (
    program_id              INTEGER PRIMARY KEY AUTOINCREMENT CHECK (program_id BETWEEN 1 AND 999999999999999999),
    name                    TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    domain                  TEXT CHECK (length(domain) BETWEEN 1 AND 253),
    active                  INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    cookie_window_days      INTEGER NOT NULL CHECK (cookie_window_days BETWEEN 1 AND 3650),
    attribution_window_days INTEGER NOT NULL CHECK (attribution_window_days BETWEEN 0 AND 3650),
    attribution_model       TEXT NOT NULL CHECK (attribution_model IN ('last_click', 'first_click')),
    lead_auth               TEXT NOT NULL CHECK (lead_auth IN ('browser_allowed', 'server_required')),
    allowed_origins         TEXT NOT NULL,
    created_at              INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    version                 INTEGER NOT NULL
) STRICT;
CREATE INDEX programs_version ON programs (version);

-- A number is never given twice (AUTOINCREMENT): it lives on in click ids.
CREATE TABLE partners (
    partner_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (partner_id BETWEEN 1 AND 281474976710655),
    program_id INTEGER NOT NULL REFERENCES programs,
    name       TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    active     INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    version    INTEGER NOT NULL,
    UNIQUE (program_id, partner_id)
) STRICT;

CREATE TABLE links (
    link_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    program_id INTEGER NOT NULL,
    partner_id INTEGER NOT NULL,
    code       TEXT NOT NULL UNIQUE CHECK (length(code) BETWEEN 1 AND 64 AND code NOT GLOB '*[^A-Za-z0-9._-]*'),
    active     INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    version    INTEGER NOT NULL,
    UNIQUE (program_id, link_id),
    FOREIGN KEY (program_id, partner_id) REFERENCES partners (program_id, partner_id)
) STRICT;
CREATE INDEX links_partner ON links (program_id, partner_id);
CREATE INDEX links_version ON links (version);

CREATE TABLE api_keys (
    program_id INTEGER NOT NULL REFERENCES programs,
    key_id     TEXT NOT NULL UNIQUE,
    label      TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    revoked_at INTEGER,
    version    INTEGER NOT NULL,
    PRIMARY KEY (program_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_version ON api_keys (version);
