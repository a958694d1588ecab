-- The same tables as in Postgres.

CREATE TABLE test_events (
    program_id INTEGER NOT NULL,
    event_id   BLOB NOT NULL,
    PRIMARY KEY (program_id, event_id)
) STRICT, WITHOUT ROWID;

-- Those that are there. A click is a test's when the highest bit of its id's tenth byte is set.
INSERT INTO test_events (program_id, event_id)
SELECT program_id, event_id FROM customers WHERE test AND event_id IS NOT NULL
UNION SELECT program_id, event_id FROM leads WHERE test
UNION SELECT program_id, event_id FROM clicks WHERE recorded_at IS NOT NULL AND substr(event_id, 10, 1) >= x'80';

CREATE TABLE forgotten_events (
    kind   TEXT PRIMARY KEY,
    events INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
