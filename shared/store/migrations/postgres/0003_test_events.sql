-- Test events, so that the oldest of a program can be found without looking through the real ones beside them.
CREATE TABLE test_events (
    program_id bigint NOT NULL,
    event_id   uuid NOT NULL,
    PRIMARY KEY (program_id, event_id)
);

-- Those that are there. A click is a test's when the highest bit of its id's tenth byte is set.
INSERT INTO test_events (program_id, event_id)
SELECT program_id, event_id FROM customers WHERE test AND event_id IS NOT NULL
UNION SELECT program_id, event_id FROM leads WHERE test
UNION SELECT program_id, event_id FROM clicks WHERE recorded_at IS NOT NULL AND get_byte(uuid_send(event_id), 9) >= 128;

-- Events that were stored and are not there any more: the account of events must still add up.
CREATE TABLE forgotten_events (
    kind   text PRIMARY KEY,
    events bigint NOT NULL
);
